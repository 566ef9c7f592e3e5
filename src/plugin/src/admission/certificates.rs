//! Who may approve and sign certificate requests, attest trust bundles, and what may not be asked for at all.
//!
//! Go: plugin/pkg/admission/certificates

use std::sync::Arc;

use apimachinery::{api::errors::StatusError, runtime::object::Object};
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        errors,
        initializer::Initializers,
        interfaces::{Interface, ValidationInterface},
    },
    request::context::Context,
};
use auth::{
    authorization::{Attributes as Asked, Authorizer, Decision},
    user::SYSTEM_PRIVILEGED_GROUP,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use phase::BoxFuture;
use rustls_pki_types::{CertificateSigningRequestDer, pem::PemObject};
use x509_parser::{certification_request::X509CertificationRequest, prelude::FromDer, x509::X509Name};

use crate::admission::plain::Plain;

/// The plugin for approvals.
pub const APPROVAL: &str = "CertificateApproval";
/// The plugin for signatures.
pub const SIGNING: &str = "CertificateSigning";
/// The plugin for trust bundles.
pub const ATTEST: &str = "ClusterTrustBundleAttest";
/// The plugin for subjects.
pub const SUBJECT_RESTRICTION: &str = "CertificateSubjectRestriction";

/// Group of the resources.
const GROUP: &str = "certificates.k8s.io";

/// The signer of certificates with which one speaks to the server.
const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";

/// Requires a verb on the signer that an object names.
struct SignerCheck {
    name: &'static str,
    authorizer: Arc<dyn Authorizer>,
    operations: &'static [Operation],
    /// The verb on `signers`.
    verb: &'static str,
    /// What the user is not permitted to do, up to the signer's name.
    what: &'static str,
    /// Says whether the write is one of those that require it.
    concerns: fn(&Attributes) -> bool,
}

/// Makes CertificateApproval.
pub fn new_approval(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Arc::new(SignerCheck {
        name: APPROVAL,
        authorizer: initializers.authorizer.clone(),
        operations: &[Operation::Update],
        verb: "approve",
        what: "approve requests with signerName",
        concerns: |attributes| attributes.is(GROUP, "certificatesigningrequests", "approval"),
    }))
}

/// Makes CertificateSigning.
pub fn new_signing(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Arc::new(SignerCheck {
        name: SIGNING,
        authorizer: initializers.authorizer.clone(),
        operations: &[Operation::Update],
        verb: "sign",
        what: "sign requests with signerName",
        concerns: |attributes| {
            let part = |object: &Option<Object>, field| {
                object.as_ref().and_then(|object| object.get(&["status", field])).cloned()
            };
            let changed = |field| part(&attributes.object, field) != part(&attributes.old_object, field);
            attributes.is(GROUP, "certificatesigningrequests", "status")
                && (changed("certificate") || changed("conditions"))
        },
    }))
}

/// Makes ClusterTrustBundleAttest.
pub fn new_attest(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Arc::new(SignerCheck {
        name: ATTEST,
        authorizer: initializers.authorizer.clone(),
        operations: &[Operation::Create, Operation::Update],
        verb: "attest",
        what: "attest for signerName",
        concerns: |attributes| attributes.is(GROUP, "clustertrustbundles", "") && !signer(attributes).is_empty(),
    }))
}

/// Makes CertificateSubjectRestriction.
pub fn new_subject_restriction(_initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let operations = &[Operation::Create];
    Ok(Plain { name: SUBJECT_RESTRICTION, operations, admit: None, validate: Some(check_subject) }.shared())
}

/// Returns the signer of the object; that of the old state, for it cannot change.
fn signer(attributes: &Attributes) -> &str {
    let object = attributes.object.as_ref().or(attributes.old_object.as_ref());
    object.map(|object| object.str(&["spec", "signerName"])).unwrap_or_default()
}

impl Interface for SignerCheck {
    fn name(&self) -> &'static str {
        self.name
    }

    fn handles(&self, operation: Operation) -> bool {
        self.operations.contains(&operation)
    }

    fn validation(&self) -> Option<&dyn ValidationInterface> {
        Some(self)
    }
}

impl ValidationInterface for SignerCheck {
    fn validate<'a>(&'a self, cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            if !(self.concerns)(attributes) || self.is_authorized(cx, attributes).await {
                return Ok(());
            }
            Err(errors::forbidden(attributes, format!("user not permitted to {} {:?}", self.what, signer(attributes))))
        })
    }
}

impl SignerCheck {
    /// Asks for the verb on the signer, then on all signers of its domain.
    ///
    /// Go: pkg/apis/certificates/helpers.go IsAuthorizedForSignerName
    async fn is_authorized(&self, cx: &Context, attributes: &Attributes) -> bool {
        let signer = signer(attributes);
        let domain = signer.split('/').next().unwrap_or_default();
        for name in [signer.to_owned(), format!("{domain}/*")] {
            let asked = Asked {
                user: attributes.user.clone(),
                verb: self.verb.to_owned(),
                resource_request: true,
                api_group: GROUP.to_owned(),
                api_version: "*".to_owned(),
                resource: "signers".to_owned(),
                name,
                ..Asked::default()
            };
            if self.authorizer.authorize(&cx.trace, &asked).await.decision == Decision::Allow {
                return true;
            }
        }
        false
    }
}

/// Refuses to let anybody ask for a certificate that may do everything.
///
/// Go: plugin/pkg/admission/certificates/subjectrestriction/admission.go
fn check_subject(attributes: &Attributes) -> Result<(), StatusError> {
    if !attributes.is(GROUP, "certificatesigningrequests", "") || signer(attributes) != CLIENT_SIGNER {
        return Ok(());
    }
    let Some(request) = &attributes.object else { return Ok(()) };
    let organizations = organizations(request.str(&["spec", "request"]))
        .map_err(|error| errors::forbidden(attributes, format!("failed to parse CSR: {error}")))?;
    if organizations.iter().any(|name| name == SYSTEM_PRIVILEGED_GROUP) {
        let reason = format!("use of {CLIENT_SIGNER} signer with {SYSTEM_PRIVILEGED_GROUP} group is not allowed");
        return Err(errors::forbidden(attributes, reason));
    }
    Ok(())
}

/// Reads the organizations of a certificate request in base64 of PEM.
fn organizations(request: &str) -> Result<Vec<String>, String> {
    read_subject(request, |subject| {
        subject.iter_organization().filter_map(|name| name.as_str().ok()).map(str::to_owned).collect()
    })
}

/// Reads the common name of a certificate request in base64 of PEM.
pub(super) fn common_name(request: &str) -> Result<String, String> {
    read_subject(request, |subject| {
        subject.iter_common_name().filter_map(|name| name.as_str().ok()).last().unwrap_or_default().to_owned()
    })
}

fn read_subject<T>(request: &str, read: impl FnOnce(&X509Name<'_>) -> T) -> Result<T, String> {
    let pem = BASE64_STANDARD.decode(request).map_err(|error| error.to_string())?;
    let not_a_request = |_| "PEM block type must be CERTIFICATE REQUEST".to_owned();
    let der = CertificateSigningRequestDer::from_pem_slice(&pem).map_err(not_a_request)?;
    let (_, request) = X509CertificationRequest::from_der(&der).map_err(|error| error.to_string())?;
    Ok(read(&request.certification_request_info.subject))
}
