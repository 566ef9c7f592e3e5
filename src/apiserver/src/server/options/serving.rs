//! Where and as whom the server listens.
//!
//! Go: apiserver/pkg/server/options/{serving,serving_with_loopback}.go

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
};

use client::certificate_files::CertKeyFiles;
use component_base::flagset::{FlagSet, Kind, Values, flag, no_effect};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, SanType};

use crate::server::{
    config::Config,
    healthz,
    loopback::{Door, LoopbackClientConfig},
    secure_serving::{
        SecureServingInfo,
        tls::{CertKeyContentProvider, DynamicCertKeyPairContent, Version},
    },
    start_error::StartError,
};

/// The flags of this group.
#[rustfmt::skip]
pub const FLAGS: FlagSet = FlagSet {
    section: "Secure serving",
    flags: &[
        flag("bind-address", Kind::String, "0.0.0.0", "Address to listen on; :: for both families."),
        flag("secure-port", Kind::Int, "6443", "Port to listen on."),
        flag("cert-dir", Kind::String, "/var/run/kubernetes", "Where a certificate is made if none is given."),
        flag("tls-cert-file", Kind::String, "", "Certificate of the server, with its chain."),
        flag("tls-private-key-file", Kind::String, "", "Its key."),
        flag("tls-sni-cert-key", Kind::List, "", "Certificates for certain names: cert,key[:name;name]; repeatable."),
        flag("tls-min-version", Kind::String, "", "VersionTLS12 or VersionTLS13."),
        flag("tls-cipher-suites", Kind::List, "", "Cipher suites of TLS 1.2 to allow, by their Go names."),
        flag("http2-max-streams-per-connection", Kind::Int, "0", "Streams of one HTTP/2 connection; 0: 100."),
        flag("disable-http2-serving", Kind::Bool, "false", "Whether only HTTP/1.1 is spoken."),
        no_effect("tls-curve-preferences", Kind::List, "", "Key exchanges, in order."),
        no_effect("permit-port-sharing", Kind::Bool, "false", "SO_REUSEPORT."),
        no_effect("permit-address-sharing", Kind::Bool, "false", "SO_REUSEADDR."),
    ],
};

/// Go's default of streams for a server that serves many clients over few connections.
const DEFAULT_HTTP2_MAX_STREAMS: u32 = 100;

/// Go: apiserver/pkg/server/options/serving_with_loopback.go SecureServingOptionsWithLoopback
#[derive(Debug)]
pub struct SecureServingOptions {
    /// `--bind-address`
    pub bind_address: IpAddr,
    /// `--secure-port`
    pub bind_port: i64,
    /// An open socket in place of the two; whoever starts the server may have one.
    pub listener: Option<TcpListener>,
    /// The way in without a network; whoever starts the server may want to use it.
    pub door: Arc<Door>,
    /// `--cert-dir`
    pub cert_directory: PathBuf,
    /// `--tls-cert-file` and `--tls-private-key-file`; set by `maybe_default_with_self_signed_certs` if they are not.
    pub server_cert: Option<CertKeyFiles>,
    /// `--tls-sni-cert-key`: files, and names in place of those in the certificate.
    pub sni_cert_keys: Vec<(CertKeyFiles, Vec<String>)>,
    /// `--tls-min-version`
    pub min_tls_version: String,
    /// `--tls-cipher-suites`
    pub cipher_suites: Vec<String>,
    /// `--http2-max-streams-per-connection`
    pub http2_max_streams_per_connection: i64,
    /// `--disable-http2-serving`
    pub disable_http2_serving: bool,
}

impl SecureServingOptions {
    /// Reads the flags.
    pub fn from_values(values: &mut Values) -> Self {
        let bind_address = values.string("bind-address");
        let bind_address = bind_address.parse().unwrap_or_else(|_| {
            values.mistake(format!("--bind-address: \"{bind_address}\" must be an IP address"));
            IpAddr::V4(Ipv4Addr::UNSPECIFIED)
        });
        let server_cert = match (values.string("tls-cert-file"), values.string("tls-private-key-file")) {
            (cert, key) if cert.is_empty() && key.is_empty() => None,
            (cert, key) => {
                if cert.is_empty() || key.is_empty() {
                    values.mistake("--tls-cert-file and --tls-private-key-file must be given together");
                }
                Some(CertKeyFiles::new(cert, key))
            }
        };
        Self {
            bind_address,
            bind_port: values.int("secure-port"),
            listener: None,
            door: Arc::default(),
            cert_directory: values.string("cert-dir").into(),
            server_cert,
            sni_cert_keys: sni_cert_keys(values),
            min_tls_version: values.string("tls-min-version"),
            cipher_suites: values.list("tls-cipher-suites"),
            http2_max_streams_per_connection: values.int("http2-max-streams-per-connection"),
            disable_http2_serving: values.bool("disable-http2-serving"),
        }
    }

    /// Returns all mistakes.
    ///
    /// Go: apiserver/pkg/server/options/serving.go Validate
    pub fn validate(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        if self.listener.is_none() && !(1..=65535).contains(&self.bind_port) {
            let port = self.bind_port;
            mistakes.push(format!(
                "--secure-port {port} must be between 1 and 65535, inclusive. It cannot be turned off with 0"
            ));
        }
        if self.http2_max_streams_per_connection < 0 {
            mistakes.push("--http2-max-streams-per-connection must be positive or zero".to_owned());
        }
        if self.tls_version().is_none() {
            let version = &self.min_tls_version;
            mistakes.push(format!("--tls-min-version: unknown tls version {version:?}"));
        }
        mistakes
    }

    fn tls_version(&self) -> Option<Version> {
        match self.min_tls_version.as_str() {
            // Older ones are given up by everybody, and not there to be allowed.
            "" | "VersionTLS10" | "VersionTLS11" | "VersionTLS12" => Some(Version::TLS12),
            "VersionTLS13" => Some(Version::TLS13),
            _ => None,
        }
    }

    /// Makes a certificate that nobody vouches for, where none is given; one that was made before is used again.
    ///
    /// Go: apiserver/pkg/server/options/serving.go MaybeDefaultWithSelfSignedCerts
    pub fn maybe_default_with_self_signed_certs(
        &mut self,
        public_address: IpAddr,
        alternate_dns: &[&str],
        alternate_ips: &[IpAddr],
    ) -> Result<(), StartError> {
        if self.server_cert.is_some() {
            return Ok(());
        }
        let file = |name: &str| self.cert_directory.join(name).display().to_string();
        let files = CertKeyFiles::new(file("apiserver.crt"), file("apiserver.key"));
        if files.read().is_err() {
            let mut ips = vec![public_address, IpAddr::V4(Ipv4Addr::LOCALHOST)];
            ips.extend_from_slice(alternate_ips);
            let (cert, key) = self_signed(alternate_dns, &ips)
                .map_err(|error| StartError::option("secure serving", "--cert-dir", error))?;
            files.write(&cert, &key).map_err(|error| StartError::option("secure serving", "--cert-dir", error))?;
            tracing::info!("Generated self-signed cert ({}, {})", files.cert.display(), files.key.display());
        }
        self.server_cert = Some(files);
        Ok(())
    }

    /// Opens the socket and makes the loopback client. `token` is a secret that no one else has.
    ///
    /// Go: apiserver/pkg/server/options/serving_with_loopback.go ApplyTo
    pub fn apply_to(&mut self, token: &str, c: &mut Config) -> Result<(), StartError> {
        let failed = |option, error: String| StartError::option("secure serving", option, error);
        let listener = match self.listener.take() {
            Some(listener) => listener,
            None => create_listener(SocketAddr::new(self.bind_address, self.bind_port as u16))
                .map_err(|error| failed("--secure-port", format!("failed to create listener: {error}")))?,
        };
        let listener = listener.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(listener));
        let listener = listener.map_err(|error| failed("--secure-port", error.to_string()))?;
        let files = self.server_cert.clone().ok_or_else(|| failed("--tls-cert-file", "missing".to_owned()))?;
        let cert = dynamic_content("--tls-cert-file", files, Vec::new())?;
        let mut info =
            SecureServingInfo::new(listener, cert).map_err(|error| failed("--secure-port", error.to_string()))?;
        for (files, names) in &self.sni_cert_keys {
            info.sni_certs.push(dynamic_content("--tls-sni-cert-key", files.clone(), names.clone())?);
        }
        info.min_tls_version = self.tls_version().unwrap_or(Version::TLS12);
        info.cipher_suites.clone_from(&self.cipher_suites);
        info.disable_http2 = self.disable_http2_serving;
        info.http2_max_streams_per_connection = match u32::try_from(self.http2_max_streams_per_connection) {
            Ok(0) | Err(_) => DEFAULT_HTTP2_MAX_STREAMS,
            Ok(streams) => streams,
        };
        c.secure_serving = Some(Arc::new(info));
        c.loopback_client_config = Some(Arc::new(LoopbackClientConfig::through(self.door.clone(), token)));
        add_loopback_check(c);
        Ok(())
    }
}

/// Adds the check of the certificate by which the server trusts itself.
///
/// Simplified: the loopback client needs no certificate here, so none can expire.
fn add_loopback_check(c: &mut Config) {
    let check = healthz::named_check("loopback-serving-certificate", || async { Ok(()) });
    c.healthz_checks.push(check.clone());
    c.livez_checks.push(check);
}

/// Go: apiserver/pkg/server/options/serving.go CreateListener
fn create_listener(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address)
}

fn dynamic_content(
    option: &'static str,
    files: CertKeyFiles,
    names: Vec<String>,
) -> Result<Arc<dyn CertKeyContentProvider>, StartError> {
    let content = DynamicCertKeyPairContent::new(files, names);
    Ok(Arc::new(content.map_err(|error| StartError::option("secure serving", option, error))?))
}

/// Reads `cert,key[:name;name]`. The comma also separates list items, so pairs of them belong together.
fn sni_cert_keys(values: &mut Values) -> Vec<(CertKeyFiles, Vec<String>)> {
    let parts = values.list("tls-sni-cert-key");
    if !parts.len().is_multiple_of(2) {
        values.mistake("--tls-sni-cert-key: expected comma separated certificate and key file paths");
        return Vec::new();
    }
    let pairs = parts.chunks_exact(2).map(|pair| {
        let (key, names) = pair[1].split_once(':').unwrap_or((&pair[1], ""));
        let names = names.split(';').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        (CertKeyFiles::new(pair[0].clone(), key.to_owned()), names)
    });
    pairs.collect()
}

/// Makes a certificate and its key, both PEM, valid for longer than anybody will use them.
///
/// Go: client-go/util/cert/cert.go GenerateSelfSignedCertKey
fn self_signed(names: &[&str], ips: &[IpAddr]) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let dns: Vec<String> = names.iter().map(ToString::to_string).chain(["localhost".to_owned()]).collect();
    let mut params = CertificateParams::new(dns)?;
    params.subject_alt_names.extend(ips.iter().map(|ip| SanType::IpAddress(*ip)));
    params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// Says where the certificate that `maybe_default_with_self_signed_certs` makes will lie.
pub fn self_signed_cert_path(cert_directory: &Path) -> PathBuf {
    cert_directory.join("apiserver.crt")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use phase::trace::Tracer;

    use super::*;
    use crate::request::testing;

    fn options(given: &[(&str, &str)]) -> (SecureServingOptions, Vec<String>) {
        let given: BTreeMap<_, _> =
            given.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
        let mut values = Values::new(&[FLAGS], given);
        let options = SecureServingOptions::from_values(&mut values);
        let mut mistakes = values.mistakes().to_vec();
        mistakes.extend(options.validate());
        (options, mistakes)
    }

    #[test]
    fn every_mistake_is_told() {
        let (_, mistakes) = options(&[
            ("secure-port", "0"),
            ("tls-cert-file", "a.crt"),
            ("tls-sni-cert-key", "a.crt"),
            ("tls-min-version", "VersionTLS99"),
            ("bind-address", "here"),
        ]);
        assert_eq!(mistakes.len(), 5, "{mistakes:#?}");
    }

    #[tokio::test]
    async fn a_certificate_is_made_once_and_used_again() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().display().to_string();
        let (mut options, _) = options(&[("cert-dir", &path), ("tls-sni-cert-key", "")]);
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        options.maybe_default_with_self_signed_certs(ip, &["kubernetes"], &[]).expect("made");
        let made = std::fs::read(self_signed_cert_path(directory.path())).expect("written");
        options.server_cert = None;
        options.maybe_default_with_self_signed_certs(ip, &["kubernetes"], &[]).expect("read");
        assert_eq!(std::fs::read(self_signed_cert_path(directory.path())).expect("still there"), made);

        options.listener = Some(TcpListener::bind("127.0.0.1:0").expect("port"));
        let services = testing::services();
        let mut config = Config::new(services.clone(), Tracer::new(services.clock));
        options.apply_to("secret", &mut config).expect("applied");
        let serving = config.secure_serving.expect("serving");
        assert!(serving.describe()["cert"].as_str().expect("name").ends_with("apiserver.crt"));
        assert_eq!(config.readyz_checks.len() + 1, config.livez_checks.len());
    }
}
