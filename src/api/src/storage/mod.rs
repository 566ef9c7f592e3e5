//! storage.k8s.io: classes of volumes, the drivers behind them, and attachments to nodes.
//!
//! Go: pkg/apis/storage/validation/validation.go, pkg/registry/storage/*/strategy.go

pub mod attachment;
pub mod class;
pub mod csi;

use crate::rules::Rules;

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    static CLASS: Rules = class::STORAGE_CLASS;
    static ATTRIBUTES: Rules = class::ATTRIBUTES_CLASS;
    static DRIVER: Rules = csi::DRIVER;
    static NODE: Rules = csi::NODE;
    static CAPACITY: Rules = csi::CAPACITY;
    static ATTACHMENT: Rules = attachment::ATTACHMENT;
    Some(match kind {
        "StorageClass" => &CLASS,
        "VolumeAttributesClass" => &ATTRIBUTES,
        "CSIDriver" => &DRIVER,
        "CSINode" => &NODE,
        "CSIStorageCapacity" => &CAPACITY,
        "VolumeAttachment" => &ATTACHMENT,
        _ => return None,
    })
}
