//! XSalsa20 and Poly1305, as NaCl's secretbox puts them together.
//!
//! Go: apiserver/pkg/storage/value/encrypt/secretbox/secretbox.go

use aws_lc_rs::rand;
use bytes::Bytes;
use crypto_secretbox::{KeyInit, XSalsa20Poly1305, aead::Aead};
use phase::BoxFuture;

use crate::value::{FromStorage, Transformer, aes};

/// Length of a key in bytes.
pub const KEY_LENGTH: usize = 32;

/// Length of a nonce in bytes: long enough to be chosen at random without end.
const NONCE: usize = 24;

/// A value is a random nonce, then the box. Nothing is known of the key it stands under.
pub struct Secretbox(XSalsa20Poly1305);

impl Secretbox {
    /// Takes a key; `None` if it has another length than 32 bytes.
    pub fn new(key: &[u8]) -> Option<Self> {
        XSalsa20Poly1305::new_from_slice(key).ok().map(Self)
    }

    fn open(&self, data: &[u8]) -> Option<Bytes> {
        let (nonce, sealed) = data.split_first_chunk::<NONCE>()?;
        self.0.decrypt(nonce.into(), sealed).ok().map(Bytes::from)
    }

    fn seal(&self, data: &[u8]) -> Option<Bytes> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce).ok()?;
        let sealed = self.0.encrypt((&nonce).into(), data).ok()?;
        Some([nonce.as_slice(), &sealed].concat().into())
    }
}

impl Transformer for Secretbox {
    fn transform_from_storage<'a>(&'a self, data: Bytes, _: &'a str) -> BoxFuture<'a, Result<FromStorage, String>> {
        Box::pin(async move { aes::read(self.open(&data)) })
    }

    fn transform_to_storage<'a>(&'a self, data: Bytes, _: &'a str) -> BoxFuture<'a, Result<Bytes, String>> {
        Box::pin(async move { aes::written(self.seal(&data)) })
    }
}
