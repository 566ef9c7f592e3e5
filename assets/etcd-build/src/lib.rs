//! Stands in for `tonic-prost-build` in the build script of `etcd-client`.
//!
//! The original runs `protoc`, which a machine with a Rust toolchain alone does not have. This one
//! compiles the same `.proto` files with `protox`, a protobuf compiler in Rust, and hands the
//! descriptors to `prost-build` and the services to `tonic-build`. It offers the three calls that
//! `etcd-client` makes and nothing else.

use std::{io, path::Path};

use prost_build::{Config, Service, ServiceGenerator};
use tonic_build::{CodeGenBuilder, manual};

/// Returns a builder; the server half is ignored, `etcd-client` wants clients only.
pub fn configure() -> Builder {
    Builder
}

/// The part of `tonic_prost_build::Builder` that `etcd-client` uses.
pub struct Builder;

impl Builder {
    /// Accepted for the sake of the caller.
    #[must_use]
    pub fn build_server(self, _enable: bool) -> Self {
        self
    }

    /// Writes one Rust module per protobuf package into `OUT_DIR`.
    pub fn compile_protos<P: AsRef<Path>>(self, protos: &[P], includes: &[P]) -> io::Result<()> {
        let files = protox::compile(protos, includes).map_err(io::Error::other)?;
        let mut config = Config::new();
        config.service_generator(Box::new(Clients));
        config.compile_fds(files)
    }
}

/// Writes one tonic client per gRPC service.
struct Clients;

impl ServiceGenerator for Clients {
    fn generate(&mut self, service: Service, code: &mut String) {
        let mut client = manual::Service::builder()
            .name(&service.name)
            .package(&service.package);
        for method in &service.methods {
            let mut call = manual::Method::builder()
                .name(&method.name)
                .route_name(&method.proto_name)
                .input_type(message_path(&method.input_type))
                .output_type(message_path(&method.output_type))
                .codec_path("tonic_prost::ProstCodec");
            if method.client_streaming {
                call = call.client_streaming();
            }
            if method.server_streaming {
                call = call.server_streaming();
            }
            client = client.method(call.build());
        }
        let client = Named { client: client.build(), identifier: service.proto_name };
        let tokens = CodeGenBuilder::new().generate_client(&client, "super");
        code.push_str(&tokens.to_string());
    }
}

/// A service that is called by another name than its Rust one: `KV`, where the types are `Kv...`.
struct Named {
    client: manual::Service,
    identifier: String,
}

impl tonic_build::Service for Named {
    type Comment = String;
    type Method = manual::Method;

    fn name(&self) -> &str {
        self.client.name()
    }

    fn package(&self) -> &str {
        self.client.package()
    }

    fn identifier(&self) -> &str {
        &self.identifier
    }

    fn methods(&self) -> &[manual::Method] {
        self.client.methods()
    }

    fn comment(&self) -> &[String] {
        self.client.comment()
    }
}

/// The path of a message as seen from inside the generated client's own module.
fn message_path(name: &str) -> String {
    format!("super::{name}")
}
