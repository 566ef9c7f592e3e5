//! The protocol over a connection: one line of JSON for each command and each event.
//!
//! Whoever opens the connection (a Unix socket of `serve`, a WebSocket of a workshop) hands it over
//! as a reader and a writer. A connection that breaks detaches its client.

use std::{io, sync::Arc};

use phase::clock::Clock;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

use crate::{
    controller::{Controller, Wants},
    handle::Handle,
    protocol::Command,
};

/// The longest line that is read: a state that a person edited fits, an endless one does not.
const LINE: u64 = 8 * 1024 * 1024;

/// Serves a client over a connection until either side ends it.
pub async fn serve<R, W>(controller: Arc<Controller>, reader: R, writer: W) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (id, mut events) = controller.admit(Wants::Records);
    let client = Detach { controller, id };
    let outgoing = async {
        let mut writer = writer;
        while let Some(event) = events.recv().await {
            write_line(&mut writer, &event).await?;
        }
        Ok(())
    };
    let incoming = async {
        let mut reader = BufReader::new(reader);
        while let Some(command) = read_line::<Command, _>(&mut reader).await? {
            client.controller.execute(client.id, command);
        }
        Ok(())
    };
    tokio::select! {
        biased;
        ended = incoming => ended,
        ended = outgoing => ended,
    }
}

/// Detaches however the connection ends.
struct Detach {
    controller: Arc<Controller>,
    id: crate::controller::ClientId,
}

impl Drop for Detach {
    fn drop(&mut self) {
        self.controller.detach(self.id);
    }
}

/// Connects to a controller. The second value carries the connection: run it beside whatever uses the handle.
pub fn connect<R, W>(
    clock: Arc<dyn Clock>,
    reader: R,
    writer: W,
) -> (Handle, impl Future<Output = io::Result<()>> + Send)
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let (handle, (mut commands, events)) = Handle::far(clock);
    let connection = async move {
        let outgoing = async {
            let mut writer = writer;
            while let Some(command) = commands.recv().await {
                write_line(&mut writer, &command).await?;
            }
            Ok(())
        };
        let incoming = async {
            let mut reader = BufReader::new(reader);
            while let Some(event) = read_line(&mut reader).await? {
                if events.send(event).await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        tokio::select! {
            biased;
            ended = incoming => ended,
            ended = outgoing => ended,
        }
    };
    (handle, connection)
}

async fn write_line<W: AsyncWrite + Unpin>(writer: &mut W, value: &impl serde::Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    writer.write_all(&line).await?;
    writer.flush().await
}

/// Reads one line; `None` at the end.
async fn read_line<T, R>(reader: &mut BufReader<R>) -> io::Result<Option<T>>
where
    T: serde::de::DeserializeOwned,
    R: AsyncRead + Unpin,
{
    use tokio::io::AsyncReadExt;
    let mut line = Vec::new();
    let read = reader.take(LINE).read_until(b'\n', &mut line).await?;
    if read == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&line)?))
}
