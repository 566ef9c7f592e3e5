//! Levels lend each other seats that they do not need.
//!
//! Go: apiserver/pkg/util/flowcontrol/conc_alloc.go, apf_controller.go updateBorrowingLocked

/// How slowly the memory of a high demand fades, per period of ten seconds: by half in about five minutes.
///
/// Go: apiserver/pkg/util/flowcontrol/apf_controller.go seatDemandSmoothingCoefficient
pub const SEAT_DEMAND_SMOOTHING_COEFFICIENT: f64 = 0.977;

/// What a level needs and may have.
///
/// Go: apiserver/pkg/util/flowcontrol/conc_alloc.go allocProblemItem
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claim {
    /// What it gets in any case.
    pub lower_bound: f64,
    /// What it never exceeds.
    pub upper_bound: f64,
    /// What it would like to have.
    pub target: f64,
}

/// Divides seats so that each level gets the same fraction of its target, within its bounds.
///
/// The sum of what is given grows with the fraction, so the fraction is found by halving.
///
/// Go: apiserver/pkg/util/flowcontrol/conc_alloc.go computeConcurrencyAllocation
pub fn allocate(total: f64, claims: &[Claim]) -> Vec<f64> {
    let given = |fraction: f64| {
        claims.iter().map(move |claim| {
            (claim.target * fraction).clamp(claim.lower_bound, claim.upper_bound.max(claim.lower_bound))
        })
    };
    let (mut low, mut high) = (0.0, 1.0);
    while given(high).sum::<f64>() < total && high < 1e9 {
        high *= 2.0;
    }
    for _ in 0..64 {
        let middle = f64::midpoint(low, high);
        if given(middle).sum::<f64>() < total { low = middle } else { high = middle }
    }
    given(high).collect()
}

/// Returns the demand to plan with: the present one, or what is left of a higher one that was.
///
/// Simplified: Kubernetes takes average plus deviation of a period where this takes its highest moment.
pub fn smooth(before: f64, high_watermark: f64) -> f64 {
    let coefficient = SEAT_DEMAND_SMOOTHING_COEFFICIENT;
    high_watermark.max(coefficient * before + (1.0 - coefficient) * high_watermark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_levels_lend_and_busy_ones_share_fairly() {
        let claim = |lower_bound, target| Claim { lower_bound, upper_bound: 600.0, target };
        let given = allocate(600.0, &[claim(50.0, 50.0), claim(24.0, 1000.0), claim(24.0, 500.0)]);
        assert!((given.iter().sum::<f64>() - 600.0).abs() < 0.01, "{given:?}");
        assert!((given[0] - 50.0).abs() < 0.01 && (given[1] / given[2] - 2.0).abs() < 0.01, "{given:?}");
    }

    #[test]
    fn a_demand_is_remembered_for_a_while() {
        let later = (0..30).fold(100.0, |before, _| smooth(before, 0.0));
        assert!((49.0..51.0).contains(&later), "{later}");
    }
}
