//! VolumeAttachment: a volume that shall be at a node.
//!
//! Go: pkg/apis/storage/validation/validation.go ValidateVolumeAttachment

use apimachinery::{
    runtime::object::Object,
    validation::field::{Error, ErrorList},
};

use crate::{
    core::{persistentvolume, volumes::csi_driver},
    gostruct,
    node::Node,
    rules::{Part, Rules, differs},
    validation::{FIELD_IMMUTABLE, SUBDOMAIN, named, not_negative, required_text},
};

const ONE_SOURCE: &str = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
/// Limits, in bytes, of what a driver may say of an attachment and of an error.
const MOST_METADATA: usize = 256 << 10;
const LONGEST_MESSAGE: usize = 1024;

pub(super) const ATTACHMENT: Rules = Rules {
    has_status: true,
    validate: |attachment| {
        let mut errors = validate(attachment);
        csi_driver(&mut errors, &Node::of(attachment, "spec.attacher"));
        let name = Node::of(attachment, "spec.source.persistentVolumeName");
        if name.is_set() {
            named(&mut errors, &name, SUBDOMAIN);
        }
        errors
    },
    validate_update,
    status: Part { validate_update, ..Part::WITH_METADATA },
    ..Rules::PLAIN
};

fn validate_update(attachment: &Object, old: &Object) -> ErrorList {
    let mut errors = validate(attachment);
    required_text(&mut errors, &Node::of(attachment, "spec.attacher"));
    let spec = Node::of(attachment, "spec");
    if differs(attachment, old, "spec") {
        let shown = gostruct::shown(spec.value, "io.k8s.api.storage.v1.VolumeAttachmentSpec");
        errors.push(Error::invalid(&spec.path, shown, FIELD_IMMUTABLE));
    }
    errors
}

fn validate(attachment: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(attachment, "spec");
    source(&mut errors, &spec.child("source"));
    named(&mut errors, &spec.child("nodeName").or_empty(), SUBDOMAIN);
    let status = Node::of(attachment, "status");
    let metadata = status.child("attachmentMetadata");
    let entries = metadata.entries_here();
    if entries.iter().any(|(key, _)| key.is_empty()) {
        errors.push(Error::invalid(&metadata.path, "", "field can not be empty."));
    }
    if entries.iter().map(|(key, value)| key.len() + value.as_str().len()).sum::<usize>() > MOST_METADATA {
        errors.push(Error::too_long(&metadata.path, MOST_METADATA));
    }
    for field in ["attachError", "detachError"] {
        let message = status.child(field).child("message");
        if message.as_str().len() > LONGEST_MESSAGE {
            errors.push(Error::too_long(&message.path, LONGEST_MESSAGE));
        }
        not_negative(&mut errors, &status.child(field).child("errorCode"));
    }
    errors
}

fn source(errors: &mut ErrorList, source: &Node<'_>) {
    let (inline, name) = (source.child("inlineVolumeSpec"), source.child("persistentVolumeName"));
    match (inline.is_set(), name.is_set()) {
        (false, false) => errors.push(source.required(ONE_SOURCE)),
        (true, true) => errors.push(source.forbidden(ONE_SOURCE)),
        (true, false) => persistentvolume::validate_inline(errors, &inline),
        (false, true) if name.as_str().is_empty() => {
            errors.push(name.required("must specify non empty persistentVolumeName"));
        }
        (false, true) => {}
    }
}
