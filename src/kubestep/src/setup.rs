//! From named flags to options that can be run: the defaults of this program, its data directory, its keys.

use std::{collections::BTreeMap, net::TcpListener, path::PathBuf, sync::Arc};

use anyhow::{Context as _, bail};
use component_base::flagset::{FlagSet, Values};
use control::ports::Launched;
use controlplane::{
    apiserver::environment::OpenBackend,
    options::run::{self, ServerRunOptions},
};
use kv::{
    backend::Backend,
    embedded::store::{Embedded, Options as EmbeddedOptions},
    etcd::client::{Etcd, Options as EtcdClientOptions},
    observed::Observed,
};
use phase::clock::Clock;

use crate::{
    beside::{Beside, Reach},
    cli::invocation::{OWN_FLAGS, Personality},
    controllers::Selection,
    data_dir::DataDir,
    kubeconfig,
    pki::{Keys, Pki},
};

/// Every flag: this program's own, then kube-apiserver's.
pub fn flag_sets() -> Vec<FlagSet> {
    let mut sets = vec![OWN_FLAGS];
    sets.extend(run::flag_sets());
    sets
}

/// What happens when the port is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenPort {
    /// The next free one is used.
    Next,
    /// The start fails.
    Fail,
}

/// What is handed to the tasks that serve.
pub struct Server {
    /// The server's options.
    pub options: ServerRunOptions,
    /// What runs beside it.
    pub beside: Beside,
}

/// A server that is ready to be started.
pub struct Setup {
    /// Its options; taken by [`Setup::take_server`].
    options: Option<ServerRunOptions>,
    /// Opens its store.
    pub open_backend: OpenBackend,
    /// Which small controllers run beside it.
    pub controllers: Selection,
    /// Where things are kept; none under upstream's name.
    pub data_dir: Option<DataDir>,
    /// The keys made here; none under upstream's name.
    pub pki: Option<Pki>,
    /// The kubeconfig that was written.
    pub kubeconfig: Option<PathBuf>,
    /// The server's address for clients.
    pub server: String,
    /// How what runs beside it reaches it, and the authority that it publishes.
    beside: (Reach, String),
    /// What a person should know.
    pub warnings: Vec<String>,
}

impl Setup {
    /// Reads flags; everything that is wrong with them is told at once.
    pub fn new(
        personality: Personality,
        given: BTreeMap<String, Vec<String>>,
        taken: TakenPort,
        keys: Keys,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let sets = flag_sets();
        let mut values = Values::new(&sets, given);
        let warnings = values.warnings(&sets);
        match personality {
            Personality::Kubestep => Self::kubestep(values, taken, keys, warnings, clock),
            Personality::KubeApiserver => Self::kube_apiserver(&mut values, warnings, clock),
        }
    }

    /// Everything that kube-apiserver requires is required; no controllers run.
    fn kube_apiserver(values: &mut Values, warnings: Vec<String>, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let options = ServerRunOptions::from_values(values);
        if options.etcd.server_list.is_empty() {
            values.mistake("--etcd-servers must be specified");
        }
        refuse(values)?;
        let server = format!("https://127.0.0.1:{}", options.secure_serving.bind_port);
        let none = Selection::parse(&[]).map_err(|mistakes| anyhow::anyhow!(mistakes.join("\n")))?;
        Ok(Self {
            options: Some(options),
            open_backend: open_backend(None, clock.clone()),
            controllers: none,
            data_dir: None,
            pki: None,
            kubeconfig: None,
            server,
            beside: (Reach::Not, String::new()),
            warnings,
        })
    }

    /// Works without a single flag: loopback, the embedded store, keys of its own, Node and RBAC.
    fn kubestep(
        mut values: Values,
        taken: TakenPort,
        keys: Keys,
        mut warnings: Vec<String>,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let controllers = Selection::parse(&values.list("controllers"));
        let controllers = controllers.unwrap_or_else(|mistakes| {
            mistakes.into_iter().for_each(|mistake| values.mistake(mistake));
            Selection::default()
        });
        for (name, value) in [
            ("bind-address", "127.0.0.1"),
            ("authorization-mode", "Node,RBAC"),
            ("service-cluster-ip-range", "10.0.0.0/24"),
            ("service-account-issuer", "https://kubernetes.default.svc"),
            ("allow-privileged", "true"),
        ] {
            values.set_default(name, value);
        }
        let (ephemeral, dir, out) =
            (values.bool("ephemeral"), values.string("data-dir"), values.string("kubeconfig-out"));
        let mut options = ServerRunOptions::from_values(&mut values);
        refuse(&values)?;
        let data_dir = match (ephemeral, dir.as_str()) {
            (true, _) => DataDir::ephemeral(&std::process::id().to_string())?,
            (false, "") => DataDir::open(&DataDir::default_path()?)?,
            (false, dir) => DataDir::open(dir.as_ref())?,
        };
        let sans =
            ["localhost", "127.0.0.1", "::1", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "10.0.0.1"];
        let mut sans: Vec<String> = sans.iter().map(ToString::to_string).collect();
        sans.push(options.secure_serving.bind_address.to_string());
        let pki = Pki::ensure(&data_dir.pki(), &sans, keys)?;
        let reach = reach(&options, &pki);
        if options.authentication.client_ca_file.is_some() {
            warnings.push("--client-ca-file: the certificates in the kubeconfig are not of this authority".to_owned());
        }
        fill_in(&mut options, &pki);
        let root_ca = root_ca(&options, &pki)?;
        let listener = listen(&options, taken)?;
        let address = listener.local_addr()?;
        options.secure_serving.listener = Some(listener);
        let host = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
        let server = format!("https://{host}:{}", address.port());
        let kubeconfig = if out.is_empty() { data_dir.kubeconfig() } else { out.into() };
        kubeconfig::write(&kubeconfig, &server, &root_ca, &pki)?;
        Ok(Self {
            open_backend: open_backend(Some(data_dir.store()), clock.clone()),
            options: Some(options),
            controllers,
            data_dir: Some(data_dir),
            pki: Some(pki),
            kubeconfig: Some(kubeconfig),
            server,
            beside: (reach, root_ca),
            warnings,
        })
    }
}

impl Setup {
    /// Returns what the tasks that serve need. There is one server, so this is called once.
    pub fn take_server(&mut self) -> Server {
        let options = self.options.take().expect("a setup is served once");
        let (reach, root_ca) = std::mem::replace(&mut self.beside, (Reach::Not, String::new()));
        let beside = Beside { controllers: self.controllers.clone(), server: self.server.clone(), reach, root_ca };
        Server { options, beside }
    }

    /// Where the server can be reached once it serves; none under upstream's name.
    pub fn launched(&self) -> Option<Launched> {
        let address = self.server.trim_start_matches("https://").parse().ok()?;
        let data_dir = self.data_dir.as_ref().map(|dir| dir.path().to_owned());
        Some(Launched { address, kubeconfig: self.kubeconfig.clone()?, data_dir })
    }
}

fn refuse(values: &Values) -> anyhow::Result<()> {
    match values.mistakes() {
        [] => Ok(()),
        mistakes => bail!(mistakes.join("\n")),
    }
}

/// Keys made here open the server to what runs beside it, unless flags name others.
fn reach(options: &ServerRunOptions, pki: &Pki) -> Reach {
    let own = options.secure_serving.server_cert.is_none() && options.authentication.client_ca_file.is_none();
    if own { Reach::Tls(pki.clone()) } else { Reach::Loopback }
}

/// What clients trust: our authority, or the certificate that a flag names (its authority is not known here).
fn root_ca(options: &ServerRunOptions, pki: &Pki) -> anyhow::Result<String> {
    match &options.secure_serving.server_cert {
        Some(given) if given.cert != pki.path("apiserver.crt") => {
            let file = given.cert.display();
            std::fs::read_to_string(&given.cert).with_context(|| format!("--tls-cert-file {file}"))
        }
        _ => pki.read("ca.crt"),
    }
}

/// Puts the keys made here where no flag names others.
fn fill_in(options: &mut ServerRunOptions, pki: &Pki) {
    use client::certificate_files::CertKeyFiles;
    let path = |file: &str| pki.path(file);
    if options.secure_serving.server_cert.is_none() {
        let text = |file: &str| path(file).display().to_string();
        options.secure_serving.server_cert = Some(CertKeyFiles::new(text("apiserver.crt"), text("apiserver.key")));
    }
    let authentication = &mut options.authentication;
    authentication.client_ca_file.get_or_insert_with(|| path("ca.crt"));
    let accounts = &mut authentication.service_accounts;
    if accounts.signing_key_file.is_none() && accounts.key_files.is_empty() {
        accounts.key_files.push(path("sa.pub"));
    }
    accounts.signing_key_file.get_or_insert_with(|| path("sa.key"));
    let proxy = &mut authentication.request_header;
    if proxy.client_ca_file.is_none() {
        proxy.client_ca_file = Some(path("front-proxy-ca.crt"));
        proxy.allowed_names = vec!["front-proxy-client".to_owned()];
        proxy.username_headers = vec!["X-Remote-User".to_owned()];
        proxy.group_headers = vec!["X-Remote-Group".to_owned()];
        proxy.extra_header_prefixes = vec!["X-Remote-Extra-".to_owned()];
        let text = |file: &str| path(file).display().to_string();
        options
            .kube
            .proxy_client
            .get_or_insert_with(|| (text("front-proxy-client.crt"), text("front-proxy-client.key")));
    }
}

/// Opens the socket before anything else, so that a taken port costs nothing.
fn listen(options: &ServerRunOptions, taken: TakenPort) -> anyhow::Result<TcpListener> {
    /// How many ports are tried.
    const TRIES: u16 = 100;
    let address = options.secure_serving.bind_address;
    let first = u16::try_from(options.secure_serving.bind_port).unwrap_or(6443);
    for port in first..first.saturating_add(TRIES) {
        match TcpListener::bind((address, port)) {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && taken == TakenPort::Next => {}
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot listen on {address}:{port}; name another with --secure-port"));
            }
        }
    }
    bail!("none of the ports {first} to {} is free; name another with --secure-port", first.saturating_add(TRIES - 1))
}

/// Opens etcd if servers are named, else the embedded store in a directory.
fn open_backend(dir: Option<PathBuf>, clock: Arc<dyn Clock>) -> OpenBackend {
    Arc::new(move |etcd| {
        let (dir, clock, etcd) = (dir.clone(), clock.clone(), etcd.clone());
        Box::pin(async move {
            if etcd.server_list.is_empty() {
                let dir = dir.ok_or("--etcd-servers must be specified")?;
                let opened = Embedded::open(&dir, clock, EmbeddedOptions::default());
                let opened = opened.map_err(|error| format!("{}: {error}", dir.display()))?;
                return Ok(Arc::new(Observed::new(opened)) as Arc<dyn Backend>);
            }
            let read = |file: &str| std::fs::read(file).map_err(|error| format!("{file}: {error}"));
            let ca = (!etcd.trusted_ca_file.is_empty()).then(|| read(&etcd.trusted_ca_file)).transpose()?;
            let identity = (!etcd.cert_file.is_empty())
                .then(|| Ok::<_, String>((read(&etcd.cert_file)?, read(&etcd.key_file)?)))
                .transpose()?;
            let options = EtcdClientOptions { endpoints: etcd.server_list.clone(), ca, identity };
            let opened =
                Etcd::connect(&options).await.map_err(|error| format!("{}: {error}", etcd.server_list.join(",")))?;
            Ok(Arc::new(Observed::new(opened)) as Arc<dyn Backend>)
        })
    })
}
