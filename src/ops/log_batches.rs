//! Lines of the log, written many at a time.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

/// How long lines may wait for others, so that one write takes all of them.
const PAUSE: Duration = Duration::from_millis(5);
/// Bytes that are written at once. A longer line goes alone.
const BATCH_BYTES: usize = 64 * 1024;

/// Gathers lines until it is flushed, then writes them and pauses.
///
/// The thread that writes the log flushes whenever no line waits. Without a pause it would do so after each
/// line, and a request would cost a wake-up and a write to a file, as much as half of its own work.
/// The first line after a silence is written at once.
pub struct Batches<W> {
    to: W,
    lines: Vec<u8>,
}

impl<W: Write> Batches<W> {
    /// Writes to `to`.
    pub fn new(to: W) -> Self {
        Self { to, lines: Vec::with_capacity(BATCH_BYTES) }
    }

    /// What cannot be written is lost, so that it does not pile up.
    fn write_out(&mut self) -> io::Result<()> {
        let written = self.to.write_all(&self.lines);
        self.lines.clear();
        written
    }
}

impl<W: Write> Write for Batches<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lines.len() + line.len() > BATCH_BYTES {
            self.write_out()?;
        }
        self.lines.extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_out()?;
        self.to.flush()?;
        thread::sleep(PAUSE);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that counts its writes, and whose first ones may fail.
    #[derive(Default)]
    struct File {
        failing: usize,
        writes: Vec<Vec<u8>>,
    }

    impl Write for File {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.failing > 0 {
                self.failing -= 1;
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            self.writes.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_in_order_and_together() {
        let mut batches = Batches::new(File::default());
        for line in [b"a\n", b"b\n"] {
            batches.write_all(line).unwrap();
        }
        assert!(batches.to.writes.is_empty());
        batches.flush().unwrap();
        assert_eq!(batches.to.writes, [b"a\nb\n"]);
    }

    #[test]
    fn a_batch_is_bounded() {
        let mut batches = Batches::new(File::default());
        let line = vec![b'x'; BATCH_BYTES / 2 + 1];
        for _ in 0..3 {
            batches.write_all(&line).unwrap();
        }
        batches.flush().unwrap();
        assert_eq!(batches.to.writes.iter().map(Vec::len).collect::<Vec<_>>(), [line.len(); 3]);
    }

    #[test]
    fn what_a_full_disk_does_not_take_is_lost_and_what_comes_later_is_not() {
        let mut batches = Batches::new(File { failing: 1, ..File::default() });
        batches.write_all(b"a\n").unwrap();
        assert!(batches.flush().is_err());
        batches.write_all(b"b\n").unwrap();
        batches.flush().unwrap();
        assert_eq!(batches.to.writes, [b"b\n"]);
    }
}
