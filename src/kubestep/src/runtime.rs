//! The threads that serve.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// Room for what people nest: objects, schemas and expressions are walked by recursion, down to limits that are Go's,
/// whose stacks grow. Pages that nobody touches cost nothing.
const STACK: usize = 16 << 20;

/// Makes the runtime of a server and of what runs beside it.
pub fn new() -> io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build()
}
