//! The wire: varints, and fields with a number and a type.
//!
//! Go: google.golang.org/protobuf/encoding/protowire

/// Why bytes are no message, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WireError(pub String);

impl WireError {
    pub(crate) fn eof() -> Self {
        Self("unexpected EOF".to_owned())
    }
}

/// What stands behind a field's number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Payload<'a> {
    /// A number of variable length.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Bytes with their length in front: texts, bytes, messages.
    Bytes(&'a [u8]),
    /// Four bytes; no Kubernetes type has such a field.
    Fixed32(u32),
}

impl Payload<'_> {
    /// Returns the number of the wire type.
    pub fn wire_type(self) -> u8 {
        match self {
            Self::Varint(_) => 0,
            Self::Fixed64(_) => 1,
            Self::Bytes(_) => 2,
            Self::Fixed32(_) => 5,
        }
    }
}

/// Reads the fields of a message one by one.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(WireError::eof)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Reads a number of variable length.
    pub fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for (i, byte) in self.0.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                self.0 = &self.0[i + 1..];
                return Ok(value);
            }
        }
        Err(if self.0.len() < 10 { WireError::eof() } else { WireError("proto: integer overflow".to_owned()) })
    }

    /// Reads the next field; `None` at the end of the message.
    pub fn field(&mut self) -> Result<Option<(u32, Payload<'a>)>, WireError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).unwrap_or_default();
        if number == 0 {
            return Err(WireError(format!("proto: illegal tag {} (wire type {})", tag >> 3, tag & 7)));
        }
        let payload = match tag & 7 {
            0 => Payload::Varint(self.varint()?),
            1 => Payload::Fixed64(u64::from_le_bytes(self.take(8)?.try_into().expect("eight bytes"))),
            2 => {
                let length = self.varint()?;
                Payload::Bytes(self.take(usize::try_from(length).map_err(|_| WireError::eof())?)?)
            }
            5 => Payload::Fixed32(u32::from_le_bytes(self.take(4)?.try_into().expect("four bytes"))),
            other => return Err(WireError(format!("proto: illegal wireType {other}"))),
        };
        Ok(Some((number, payload)))
    }
}

/// Writes fields into a buffer.
#[derive(Debug, Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    /// Writes a number of variable length.
    pub fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn tag(&mut self, number: u32, wire_type: u8) {
        self.varint(u64::from(number) << 3 | u64::from(wire_type));
    }

    /// Writes a field that is a number.
    pub fn varint_field(&mut self, number: u32, value: u64) {
        self.tag(number, 0);
        self.varint(value);
    }

    /// Writes a field that is a float.
    pub fn double_field(&mut self, number: u32, value: f64) {
        self.tag(number, 1);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Writes what stands in front of bytes that follow from elsewhere.
    pub fn prefix(&mut self, number: u32, length: usize) {
        self.tag(number, 2);
        self.varint(length as u64);
    }

    /// Writes a field that is bytes.
    pub fn bytes_field(&mut self, number: u32, value: &[u8]) {
        self.tag(number, 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// Writes a field whose bytes `write` writes; their length is put in front of them afterwards.
    pub fn message_field<E>(&mut self, number: u32, write: impl FnOnce(&mut Self) -> Result<(), E>) -> Result<(), E> {
        self.tag(number, 2);
        let start = self.0.len();
        // Most messages are shorter than 128 bytes: one byte is kept free, and more are made if needed.
        self.0.push(0);
        write(self)?;
        let length = self.0.len() - start - 1;
        if length < 0x80 {
            self.0[start] = length as u8;
        } else {
            let mut prefix = Self::default();
            prefix.varint(length as u64);
            self.0.splice(start..=start, prefix.0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn broken_bytes_are_refused_in_gos_words() {
        let cases: [(&[u8], &str); 6] = [
            (&[0x08], "unexpected EOF"),
            (&[0x0a, 5, 1], "unexpected EOF"),
            (&[0x09, 1, 2], "unexpected EOF"),
            (&[0x00], "proto: illegal tag 0 (wire type 0)"),
            (&[0x0b], "proto: illegal wireType 3"),
            (&[0xff; 11], "proto: integer overflow"),
        ];
        for (bytes, message) in cases {
            assert_eq!(Reader(bytes).field().expect_err(message).0, message);
        }
        assert_eq!(Reader(&[]).field(), Ok(None));
    }

    proptest! {
        #[test]
        fn fields_survive(number in 1..(1_u32 << 29), value in any::<u64>(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut writer = Writer::default();
            writer.varint_field(number, value);
            writer.message_field(number, |writer| { writer.0.extend_from_slice(&bytes); Ok::<(), ()>(()) }).expect("fine");
            writer.double_field(number, 1.5);
            let mut reader = Reader(&writer.0);
            prop_assert_eq!(reader.field(), Ok(Some((number, Payload::Varint(value)))));
            prop_assert_eq!(reader.field(), Ok(Some((number, Payload::Bytes(&bytes)))));
            prop_assert_eq!(reader.field(), Ok(Some((number, Payload::Fixed64(1.5_f64.to_bits())))));
            prop_assert_eq!(reader.field(), Ok(None));
        }
    }
}
