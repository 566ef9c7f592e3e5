//! A hand of queues for each flow.
//!
//! Two flows rarely have the same hand, so a flow that fills its queues leaves every other flow at
//! least one that it cannot reach.
//!
//! Go: apiserver/pkg/util/shufflesharding/dealer.go

/// The largest hand: its deal must fit into a hash of 64 bits.
const MAX_HAND_SIZE: usize = 15;

/// Deals hands from a deck of queues.
///
/// Go: apiserver/pkg/util/shufflesharding/dealer.go Dealer
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dealer {
    deck_size: usize,
    hand_size: usize,
}

impl Dealer {
    /// Returns a dealer; the hand is never larger than the deck.
    pub fn new(deck_size: usize, hand_size: usize) -> Self {
        Self { deck_size, hand_size: hand_size.clamp(1, MAX_HAND_SIZE).min(deck_size) }
    }

    /// Returns the queues of a flow, by its hash; no queue comes twice.
    ///
    /// Go: apiserver/pkg/util/shufflesharding/dealer.go Deal
    pub fn deal(&self, hash: u64) -> impl Iterator<Item = usize> {
        let mut drawn = [0; MAX_HAND_SIZE];
        let mut rest = hash;
        for (index, card) in drawn.iter_mut().enumerate().take(self.hand_size) {
            let left = (self.deck_size - index) as u64;
            *card = (rest % left) as usize;
            rest /= left;
        }
        (0..self.hand_size).map(move |index| {
            // A card was drawn as a number among those left: count past the ones drawn before, the last one first.
            let before = drawn[..index].iter().rev();
            before.fold(drawn[index], |card, earlier| if card >= *earlier { card + 1 } else { card })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use phase::ids::{IdSource, Ids};

    use super::*;

    #[test]
    fn a_hand_has_no_card_twice_and_all_cards_are_dealt_alike() {
        let (dealer, ids) = (Dealer::new(64, 6), Ids::seeded(7));
        let mut seen = [0; 64];
        for _ in 0..10_000 {
            let hand: BTreeSet<usize> = dealer.deal(ids.next_u64()).collect();
            assert_eq!(hand.len(), 6);
            hand.into_iter().for_each(|card| seen[card] += 1);
        }
        assert!(seen.iter().all(|count| (800..1100).contains(count)), "{seen:?}");
    }

    #[test]
    fn hands_are_those_of_kubernetes() {
        // Worked out by hand from Go's algorithm: remainders of 64, 63, 62, each moved past the ones before it.
        let hash = 5 + 64 * (5 + 63 * 4);
        assert_eq!(Dealer::new(64, 3).deal(hash).collect::<Vec<_>>(), [5, 6, 4]);
    }
}
