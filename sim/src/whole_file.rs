//! Files that are written as a whole or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Refuses to write where something is read from: a scenario named by mistake after `--out` would be lost.
pub(crate) fn refuse_what_is_read<P: AsRef<Path>>(
    out: &Path,
    read: impl IntoIterator<Item = P>,
) -> anyhow::Result<()> {
    let Ok(there) = out.canonicalize() else { return Ok(()) };
    let same = |path: P| path.as_ref().canonicalize().is_ok_and(|path| path == there);
    // A device is both read and written.
    if there.is_file() && read.into_iter().any(same) {
        anyhow::bail!("{}: this file is read, and would be replaced: expected another name", out.display());
    }
    Ok(())
}

/// A file in the making. Unless it is [finished](Self::finish), nothing of it stays behind.
#[derive(Debug)]
pub(crate) struct WholeFile {
    target: Target,
}

#[derive(Debug)]
enum Target {
    /// A regular file takes its place only when it is whole.
    Whole(NamedTempFile, PathBuf),
    /// A device or a pipe cannot be replaced.
    Direct(File),
}

impl WholeFile {
    /// Begins a file that is to stand at `path`: beside it, since only within one file system is a rename whole.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        if path.metadata().is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            return Ok(Self { target: Target::Direct(File::options().write(true).open(path)?) });
        }
        // Through a symbolic link, it is the file behind it that is replaced.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let name = path.file_name().filter(|_| !path.is_dir()).ok_or(io::ErrorKind::IsADirectory)?;
        let beside = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(name);
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".part");
        // As any new file: what the user's mask leaves of it.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        // Asked first, since an error of the other name would not be understood by who never gave that.
        beside.metadata()?;
        Ok(Self { target: Target::Whole(builder.tempfile_in(beside)?, path) })
    }

    /// Adds to it.
    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.target {
            Target::Whole(file, _) => file.as_file_mut().write_all(bytes),
            Target::Direct(file) => file.write_all(bytes),
        }
    }

    /// Puts it in its place.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self.target {
            Target::Whole(file, path) => file.persist(path).map(drop).map_err(|error| error.error),
            Target::Direct(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_not_finished_leaves_no_trace() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.csv");
        let begun = || {
            let mut file = WholeFile::create(&path).unwrap();
            file.write_all(b"a\n").unwrap();
            file
        };
        drop(begun());
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
        begun().finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"a\n");
        assert_eq!(dir.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn what_is_read_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let [read, other] = ["scenario.toml", "report.html"].map(|name| dir.path().join(name));
        std::fs::write(&read, "").unwrap();
        let roundabout = dir.path().join(".").join("scenario.toml");
        let refused = |out: &Path| refuse_what_is_read(out, [&read]);
        assert!(refused(&roundabout).unwrap_err().to_string().contains("would be replaced"));
        assert!(refused(&other).is_ok() && refused(Path::new("/dev/null")).is_ok());
    }

    #[test]
    fn what_is_no_place_for_a_file_is_told_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |path: &Path| WholeFile::create(path).unwrap_err();
        assert_eq!(refused(dir.path()).kind(), io::ErrorKind::IsADirectory);
        let nowhere = refused(&dir.path().join("no/such.csv"));
        assert_eq!(nowhere.kind(), io::ErrorKind::NotFound);
        assert!(!nowhere.to_string().contains(".part"), "{nowhere}");
    }
}
