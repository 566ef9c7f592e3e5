//! Whether a value of one type may stand where another is wanted, and what that says about unknown types.
//!
//! Go: cel-go/checker/types.go

use std::collections::BTreeMap;

use crate::types::Type;

/// What is known of the unknown types.
#[derive(Clone, Debug, Default)]
pub struct Known {
    types: BTreeMap<usize, Type>,
    /// The number of the next unknown type.
    next: usize,
}

impl Known {
    /// Makes an unknown type.
    pub fn fresh(&mut self) -> Type {
        self.next += 1;
        Type::Param(self.next - 1)
    }

    /// Gives the letters of an overload fresh numbers.
    pub fn instantiate(&mut self, kind: &Type, letters: &mut BTreeMap<usize, Type>) -> Type {
        match kind {
            Type::Param(letter) => {
                if !letters.contains_key(letter) {
                    let fresh = self.fresh();
                    letters.insert(*letter, fresh);
                }
                letters[letter].clone()
            }
            other => other.rebuilt(&mut |part| self.instantiate(part, letters)),
        }
    }

    /// Replaces unknown types by what is known of them.
    pub fn substitute(&self, kind: &Type) -> Type {
        match kind {
            Type::Param(number) => self.types.get(number).map_or_else(|| kind.clone(), |known| self.substitute(known)),
            other => other.rebuilt(&mut |part| self.substitute(part)),
        }
    }

    /// The same; what is still unknown may be anything.
    pub fn substitute_or_dyn(&self, kind: &Type) -> Type {
        match self.substitute(kind) {
            Type::Param(_) => Type::Dyn,
            other => other.rebuilt(&mut |part| self.substitute_or_dyn(part)),
        }
    }

    /// Says whether `given` may stand for `wanted`; if so, what that says about unknown types is kept.
    pub fn assign(&mut self, wanted: &Type, given: &Type) -> bool {
        self.assign_all(&[(wanted, given)])
    }

    /// The same for several pairs: all or nothing.
    pub fn assign_all(&mut self, pairs: &[(&Type, &Type)]) -> bool {
        let before = self.types.clone();
        let fits = pairs.iter().all(|(wanted, given)| self.fits(wanted, given));
        if !fits {
            self.types = before;
        }
        fits
    }

    /// Go: internalIsAssignable
    fn fits(&mut self, a: &Type, b: &Type) -> bool {
        if let Type::Param(number) = b {
            let (valid, is_known) = self.learns(*number, a);
            if valid || is_known {
                return valid;
            }
        }
        if let Type::Param(number) = a {
            return self.learns(*number, b).0;
        }
        match (a, b) {
            _ if a.is_dyn_or_error() || b.is_dyn_or_error() => true,
            (Type::Null, other) | (other, Type::Null) => is_nullable(other),
            (Type::TypeOf(_), Type::TypeOf(_)) => true,
            (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => self.fits(a, b),
            (Type::Map(ka, va), Type::Map(kb, vb)) => self.fits(ka, kb) && self.fits(va, vb),
            _ => a == b,
        }
    }

    /// Learns that an unknown type is, or is more general than, another. Says whether that can be, and whether something
    /// was known already. Go: isValidTypeSubstitution
    fn learns(&mut self, number: usize, other: &Type) -> (bool, bool) {
        if *other == Type::Param(number) {
            return (true, true);
        }
        let Some(known) = self.types.get(&number).cloned() else {
            let fits = !self.mentions(other, number);
            if fits {
                self.types.insert(number, other.clone());
            }
            return (fits, false);
        };
        let fits = self.fits(other, &known);
        if fits {
            let general = most_general(other, &known);
            if !self.mentions(&general, number) {
                self.types.insert(number, general);
            }
        }
        (fits, true)
    }

    fn mentions(&self, kind: &Type, number: usize) -> bool {
        match kind {
            Type::Param(other) => {
                *other == number || self.types.get(other).is_some_and(|known| self.mentions(known, number))
            }
            other => other.parts().into_iter().any(|part| self.mentions(part, number)),
        }
    }
}

fn is_nullable(kind: &Type) -> bool {
    matches!(
        kind,
        Type::Null | Type::Struct(_) | Type::Opaque(_) | Type::Optional(_) | Type::Duration | Type::Timestamp
    )
}

/// Returns the one of two types that stands for more. Go: mostGeneral
pub fn most_general(a: &Type, b: &Type) -> Type {
    if less_specific(a, b) { a.clone() } else { b.clone() }
}

/// Go: isEqualOrLessSpecific
fn less_specific(a: &Type, b: &Type) -> bool {
    if a.is_dyn_or_error() || matches!(a, Type::Param(_)) {
        return true;
    }
    if b.is_dyn_or_error() || matches!(b, Type::Param(_)) {
        return false;
    }
    let same_kind = std::mem::discriminant(a) == std::mem::discriminant(b);
    let (parts_a, parts_b) = (a.parts(), b.parts());
    if !same_kind || parts_a.is_empty() {
        return a == b;
    }
    parts_a.into_iter().zip(parts_b).all(|(a, b)| less_specific(a, b))
}
