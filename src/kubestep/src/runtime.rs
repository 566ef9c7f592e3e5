//! The threads that serve.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// Room for what people nest: objects, schemas and expressions are walked by recursion, down to limits that are Go's,
/// whose stacks grow. Pages that nobody touches cost nothing.
const STACK: usize = 16 << 20;

/// Threads at least: a request that takes its thread for long, a large list say, leaves others to the rest.
const LEAST_THREADS: usize = 4;

/// Makes the runtime of a server and of what runs beside it.
pub fn new() -> io::Result<Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = processors.max(LEAST_THREADS);
    Builder::new_multi_thread().enable_all().worker_threads(threads).thread_stack_size(STACK).build()
}

/// Makes the runtime of a lesson that must repeat: one thread, whose time is paused and moves where all else rests. Drive
/// it by [`with_stack`].
pub fn paused() -> io::Result<Runtime> {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(async { client::outside::keep_time_still() });
    Ok(runtime)
}

/// Does something on a thread with the stack that requests need.
pub fn with_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let thread = std::thread::Builder::new().name("lesson".to_owned()).stack_size(STACK).spawn(work)?;
    thread.join().map_err(|_| io::Error::other("a lesson broke off"))
}
