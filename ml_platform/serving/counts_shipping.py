"""What workers counted, for monitoring on another machine: a small file each beside the journal."""

from contextlib import suppress
from pathlib import Path

from ml_platform.data.remote import opened, reached
from ml_platform.serving.journal.shipping import Shipper, put
from ml_platform.serving.worker_counts import take

_SUFFIX = ".json"


class CountsShipper(Shipper):
    """Puts what one worker wrote of its counts below a URL, in place of what it put there before.

    file: that the worker writes each second. url: gets a file of that name.
    """

    def __init__(self, file: Path, url: str) -> None:
        self.file = file
        super().__init__(url)

    def ship_all(self) -> None:
        """Put the file as it is now; before the first counts are written there is none."""
        if self.file.exists():
            put(self.file.read_bytes(), self.url, self.file.name)


def collect(url: str, folder: Path) -> None:
    """Copy the counts of workers below `url` to `folder`, where those here are not as new.

    So a worker that wrote to this very folder is there once. Raises OSError when the URL is away.
    """
    system, root = opened(url)
    with reached(url):
        try:
            listed: list[str] = system.find(root)
        except FileNotFoundError:
            return  # nobody shipped any yet
        names = {path: path.rpartition("/")[2] for path in listed if path.endswith(_SUFFIX)}
        contents: dict[str, bytes] = system.cat(list(names)) if names else {}
    for path, content in contents.items():
        take(folder, names[path].removesuffix(_SUFFIX), content)


def forget(url: str, worker: str) -> None:
    """Delete the counts of a worker below `url`; none is no error. Raises as `collect` does."""
    system, root = opened(url)
    with reached(url), suppress(FileNotFoundError):
        system.rm_file(f"{root}/{worker}{_SUFFIX}")
