//! Keys and certificates of a server that was given none: made on the first start, kept afterwards.
//!
//! Two authorities, as kubeadm makes them: the cluster's CA signs the serving certificate and the
//! users, the front-proxy CA signs the aggregator's client certificate and nothing else.

use std::{
    fs,
    io::Write,
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ED25519, SanType, date_time_ymd,
};

/// Where the files of a made PKI are.
#[derive(Clone, Debug)]
pub struct Pki {
    dir: PathBuf,
    keys: Keys,
}

/// Where keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// From the machine's entropy.
    Random,
    /// From a number: the same in every run, and no secret. For lessons that must repeat, reached by nobody else.
    Seeded(u64),
}

impl Keys {
    /// Makes the key of a certificate. Seeded ones are Ed25519, whose signatures repeat, too.
    fn make(self, name: &str) -> anyhow::Result<KeyPair> {
        /// What stands before the 32 bytes of an Ed25519 key in PKCS#8.
        const ED25519: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        match self {
            Self::Random => Ok(KeyPair::generate()?),
            Self::Seeded(seed) => {
                let bytes = digest(&SHA256, format!("kubestep lesson {seed} {name}").as_bytes());
                let der = [ED25519.as_slice(), bytes.as_ref()].concat();
                Ok(KeyPair::from_pkcs8_der_and_sign_algo(&der.into(), &PKCS_ED25519)?)
            }
        }
    }
}

/// A user's certificate and key, as PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Certificate.
    pub certificate: String,
    /// Private key.
    pub key: String,
}

impl Pki {
    /// Returns the files in a directory, making those that are missing. `sans` are the serving certificate's names.
    pub fn ensure(dir: &Path, sans: &[String], keys: Keys) -> anyhow::Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let pki = Self { dir: dir.to_owned(), keys };
        pki.ensure_ca("ca", "kubernetes")?;
        pki.ensure_ca("front-proxy-ca", "front-proxy-ca")?;
        pki.ensure_leaf("apiserver", "ca", &Leaf::server("kube-apiserver", sans))?;
        pki.ensure_leaf("front-proxy-client", "front-proxy-ca", &Leaf::client("front-proxy-client", &[]))?;
        pki.ensure_leaf("admin", "ca", &Leaf::client("kubernetes-admin", &["system:masters"]))?;
        pki.ensure_leaf("dev", "ca", &Leaf::client("dev", &["developers"]))?;
        if !pki.path("sa.key").exists() {
            let key = KeyPair::generate()?;
            pki.write("sa.key", &key.serialize_pem())?;
            pki.write("sa.pub", &key.public_key_pem())?;
        }
        Ok(pki)
    }

    /// Returns the path of one of the files: `ca.crt`, `apiserver.key`, `sa.key`...
    pub fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }

    /// Returns a user's certificate and key.
    pub fn identity(&self, name: &str) -> anyhow::Result<Identity> {
        Ok(Identity { certificate: self.read(&format!("{name}.crt"))?, key: self.read(&format!("{name}.key"))? })
    }

    /// Signs a certificate for one more user.
    pub fn issue_user(&self, name: &str, groups: &[&str]) -> anyhow::Result<Identity> {
        self.issue("ca", &Leaf::client(name, groups))
    }

    /// Signs a certificate for one more server, by the name that clients reach it at.
    pub fn issue_server(&self, name: &str) -> anyhow::Result<Identity> {
        self.issue("ca", &Leaf::server(name, &[name.to_owned()]))
    }

    /// Returns the content of a file.
    pub fn read(&self, file: &str) -> anyhow::Result<String> {
        let path = self.path(file);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    fn ensure_ca(&self, file: &str, common_name: &str) -> anyhow::Result<()> {
        if self.path(&format!("{file}.crt")).exists() {
            return Ok(());
        }
        let key = self.keys.make(common_name)?;
        let mut params = params(common_name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let certificate = params.self_signed(&key)?;
        self.write(&format!("{file}.key"), &key.serialize_pem())?;
        self.write(&format!("{file}.crt"), &certificate.pem())
    }

    fn ensure_leaf(&self, file: &str, ca: &str, leaf: &Leaf<'_>) -> anyhow::Result<()> {
        if self.path(&format!("{file}.crt")).exists() {
            return Ok(());
        }
        let identity = self.issue(ca, leaf)?;
        self.write(&format!("{file}.key"), &identity.key)?;
        self.write(&format!("{file}.crt"), &identity.certificate)
    }

    fn issue(&self, ca: &str, leaf: &Leaf<'_>) -> anyhow::Result<Identity> {
        let ca_key = KeyPair::from_pem(&self.read(&format!("{ca}.key"))?)?;
        let issuer = Issuer::from_ca_cert_pem(&self.read(&format!("{ca}.crt"))?, ca_key)?;
        let key = self.keys.make(leaf.common_name)?;
        let certificate = leaf.params()?.signed_by(&key, &issuer)?;
        Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// Writes a file that only its owner may read, all or nothing.
    fn write(&self, file: &str, content: &str) -> anyhow::Result<()> {
        let (path, partial) = (self.path(file), self.path(&format!("{file}.partial")));
        let mut out = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&partial)?;
        out.write_all(content.as_bytes())?;
        out.sync_all()?;
        fs::rename(&partial, &path).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A certificate to be signed.
struct Leaf<'a> {
    common_name: &'a str,
    organizations: &'a [&'a str],
    names: &'a [String],
    usage: ExtendedKeyUsagePurpose,
}

impl<'a> Leaf<'a> {
    fn server(common_name: &'a str, names: &'a [String]) -> Self {
        Self { common_name, organizations: &[], names, usage: ExtendedKeyUsagePurpose::ServerAuth }
    }

    fn client(common_name: &'a str, organizations: &'a [&'a str]) -> Self {
        Self { common_name, organizations, names: &[], usage: ExtendedKeyUsagePurpose::ClientAuth }
    }

    fn params(&self) -> anyhow::Result<CertificateParams> {
        let mut params = params(self.common_name, self.organizations);
        params.extended_key_usages = vec![self.usage.clone()];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.use_authority_key_identifier_extension = true;
        for name in self.names {
            params.subject_alt_names.push(match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into()?),
            });
        }
        Ok(params)
    }
}

fn params(common_name: &str, organizations: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    for organization in organizations {
        params.distinguished_name.push(DnType::OrganizationName, *organization);
    }
    // Fixed dates: a lab that lies in a drawer for years, or whose clock is wrong, must still start.
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_made_once_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("temp dir");
        let pki =
            Pki::ensure(dir.path(), &["localhost".to_owned(), "127.0.0.1".to_owned()], Keys::Random).expect("pki");
        let before = pki.read("apiserver.crt").expect("certificate");
        Pki::ensure(dir.path(), &[], Keys::Random).expect("again");
        assert_eq!(pki.read("apiserver.crt").expect("certificate"), before);
        let mode = fs::metadata(pki.path("ca.key")).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_seed_gives_the_same_certificates() {
        let make = |seed| {
            let dir = tempfile::tempdir().expect("temp dir");
            let pki = Pki::ensure(dir.path(), &["localhost".to_owned()], Keys::Seeded(seed)).expect("pki");
            let alice = pki.issue_user("alice", &["dev"]).expect("alice");
            (pki.read("ca.crt").expect("CA"), alice.certificate)
        };
        assert_eq!(make(7), make(7));
        assert_ne!(make(7), make(8));
    }
}
