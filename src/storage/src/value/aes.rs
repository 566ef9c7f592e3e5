//! AES: with a check that the value is what was written (GCM), or without (CBC).
//!
//! Go: apiserver/pkg/storage/value/encrypt/aes/aes.go

use aws_lc_rs::{
    aead::{self, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{self, DecryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey, UnboundCipherKey},
    iv::FixedLength,
    rand,
};
use bytes::Bytes;
use phase::BoxFuture;

use crate::value::{FromStorage, Transformer};

/// Lengths of keys in bytes.
pub const KEY_LENGTHS: [usize; 3] = [16, 24, 32];

/// What is read back when a value was written with another key, for another key of storage, or was changed.
const DAMAGED: &str = "the stored data was too short, or it does not match its key";

/// AES-GCM. A value is a random nonce, then the ciphertext; the key it stands under is authenticated.
///
/// A nonce must never be used twice with a key. Random ones of 12 bytes are good for so many writes
/// (about 200,000 by Kubernetes' advice) before the key has to be changed.
///
/// Go: NewGCMTransformer
pub struct Gcm(LessSafeKey);

impl Gcm {
    /// Takes a key; `None` if it has a length that no key has.
    pub fn new(key: &[u8]) -> Option<Self> {
        let algorithm = match key.len() {
            16 => &aead::AES_128_GCM,
            24 => &aead::AES_192_GCM,
            32 => &aead::AES_256_GCM,
            _ => return None,
        };
        UnboundKey::new(algorithm, key).ok().map(|key| Self(LessSafeKey::new(key)))
    }

    fn open(&self, data: &[u8], context: &str) -> Option<Bytes> {
        let (nonce, sealed) = data.split_first_chunk()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut plain = sealed.to_vec();
        let length = self.0.open_in_place(nonce, Aad::from(context), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain.into())
    }

    fn seal(&self, data: &[u8], context: &str) -> Option<Bytes> {
        let mut nonce = [0; aead::NONCE_LEN];
        rand::fill(&mut nonce).ok()?;
        let mut sealed = data.to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        self.0.seal_in_place_append_tag(unique, Aad::from(context), &mut sealed).ok()?;
        Some([nonce.as_slice(), &sealed].concat().into())
    }
}

/// AES-CBC. A value is a random first block, then the ciphertext.
///
/// Go: NewCBCTransformer
pub struct Cbc {
    encrypting: PaddedBlockEncryptingKey,
    decrypting: PaddedBlockDecryptingKey,
}

impl Cbc {
    /// Takes a key; `None` if it has a length that no key has.
    pub fn new(key: &[u8]) -> Option<Self> {
        let algorithm = match key.len() {
            16 => &cipher::AES_128,
            24 => &cipher::AES_192,
            32 => &cipher::AES_256,
            _ => return None,
        };
        let key = || UnboundCipherKey::new(algorithm, key).ok();
        let encrypting = PaddedBlockEncryptingKey::cbc_pkcs7(key()?).ok()?;
        let decrypting = PaddedBlockDecryptingKey::cbc_pkcs7(key()?).ok()?;
        Some(Self { encrypting, decrypting })
    }

    fn open(&self, data: &[u8]) -> Option<Bytes> {
        let (iv, sealed) = data.split_first_chunk::<16>()?;
        let mut plain = sealed.to_vec();
        let context = DecryptionContext::Iv128(FixedLength::from(iv));
        let length = self.decrypting.decrypt(&mut plain, context).ok()?.len();
        plain.truncate(length);
        Some(plain.into())
    }

    fn seal(&self, data: &[u8]) -> Option<Bytes> {
        let mut sealed = data.to_vec();
        let DecryptionContext::Iv128(iv) = self.encrypting.encrypt(&mut sealed).ok()? else { return None };
        let iv: &[u8; 16] = iv.as_ref();
        Some([iv.as_slice(), &sealed].concat().into())
    }
}

/// What is said of either direction that went wrong.
pub(crate) fn read(plain: Option<Bytes>) -> Result<FromStorage, String> {
    plain.map(|data| FromStorage { data, stale: false }).ok_or_else(|| DAMAGED.to_owned())
}

pub(crate) fn written(sealed: Option<Bytes>) -> Result<Bytes, String> {
    sealed.ok_or_else(|| "unable to encrypt".to_owned())
}

impl Transformer for Gcm {
    fn transform_from_storage<'a>(
        &'a self,
        data: Bytes,
        context: &'a str,
    ) -> BoxFuture<'a, Result<FromStorage, String>> {
        Box::pin(async move { read(self.open(&data, context)) })
    }

    fn transform_to_storage<'a>(&'a self, data: Bytes, context: &'a str) -> BoxFuture<'a, Result<Bytes, String>> {
        Box::pin(async move { written(self.seal(&data, context)) })
    }
}

impl Transformer for Cbc {
    fn transform_from_storage<'a>(&'a self, data: Bytes, _: &'a str) -> BoxFuture<'a, Result<FromStorage, String>> {
        Box::pin(async move { read(self.open(&data)) })
    }

    fn transform_to_storage<'a>(&'a self, data: Bytes, _: &'a str) -> BoxFuture<'a, Result<Bytes, String>> {
        Box::pin(async move { written(self.seal(&data)) })
    }
}
