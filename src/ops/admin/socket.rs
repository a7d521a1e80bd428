//! The Unix socket of the admin channel.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use super::{AdminOperations, router};

/// A socket that does not work. Its text is one line.
#[derive(Debug, thiserror::Error)]
#[error("admin socket {path}: {source}")]
pub struct SocketError {
    /// The socket.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// The listening socket of a node.
pub struct AdminSocket {
    listener: UnixListener,
    file: SocketFile,
}

impl AdminSocket {
    /// Listens at `path`, with mode 0600, in place of whatever socket a former process has left there.
    /// Nobody else may use the folder at the same time. To be called within a tokio runtime.
    ///
    /// # Errors
    /// As of the file system.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        let failed = |source| SocketError { path: path.to_path_buf(), source };
        // The mode is set under another name, so that the socket is never open to others.
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".new");
        let unfinished = PathBuf::from(unfinished);
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let short = ShortPath::of(&unfinished).map_err(failed)?;
        let listener = UnixListener::bind(&short.path).map_err(failed)?;
        std::fs::set_permissions(&unfinished, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        std::fs::rename(&unfinished, path).map_err(failed)?;
        Ok(Self { listener, file: SocketFile(path.to_path_buf()) })
    }

    /// Serves `operations` until `shutdown`, lets requests under way end, and removes the socket.
    ///
    /// # Errors
    /// The socket fails.
    pub async fn serve(
        self,
        operations: Arc<dyn AdminOperations>,
        shutdown: CancellationToken,
    ) -> Result<(), SocketError> {
        axum::serve(self.listener, router(operations))
            .with_graceful_shutdown(shutdown.cancelled_owned())
            .await
            .map_err(|source| SocketError { path: self.file.0.clone(), source })
    }
}

/// Connects to the socket of a node.
///
/// # Errors
/// `NotFound` or `ConnectionRefused` when no node runs there; `PermissionDenied` for other users.
pub async fn connect(path: &Path) -> io::Result<UnixStream> {
    let short = ShortPath::of(path)?;
    UnixStream::connect(&short.path).await
}

/// Removed when the node is done with it.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A socket that stays behind is replaced by the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The address of a Unix socket has room for 107 bytes, a path for many more: the socket is named by
/// way of its open folder.
struct ShortPath {
    path: PathBuf,
    _folder: File,
}

impl ShortPath {
    fn of(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let folder = File::open(folder)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
        Ok(Self { path, _folder: folder })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_private_and_may_have_a_long_path() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("x".repeat(100)).join("y".repeat(100));
        std::fs::create_dir_all(&deep).unwrap();
        let path = deep.join("admin.sock");
        let socket = AdminSocket::bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        connect(&path).await.unwrap();
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_socket_left_by_a_killed_node_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(connect(&path).await.is_err());
        let _socket = AdminSocket::bind(&path).unwrap();
        connect(&path).await.unwrap();
    }

    #[tokio::test]
    async fn a_folder_that_is_missing_is_named() {
        let Err(error) = AdminSocket::bind(Path::new("/nowhere/admin.sock")) else { panic!("it was bound") };
        assert!(error.to_string().starts_with("admin socket /nowhere/admin.sock: "), "{error}");
    }
}
