//! Strategic merge patches: merge patches that know the types.
//!
//! A list whose field has the strategy `merge` is merged item by item, told apart by a merge key, where a
//! plain merge patch would replace it. Directives in the patch ask for more:
//!
//! ```text
//!   $patch: replace | delete           this object, or in a list the item or the whole list
//!   $retainKeys: [a, b]                of this object keep only these fields
//!   $deleteFromPrimitiveList/F: [x]    take these out of the list of scalars F
//!   $setElementOrder/F: [...]          the order of the merged list F
//! ```
//!
//! Only built-in types have strategies; custom ones refuse these patches.
//!
//! Go: apimachinery/pkg/util/strategicpatch/{patch,meta}.go

mod lists;
mod merge;
pub mod patch;
