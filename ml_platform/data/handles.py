"""Small documents under one address, each written whole or not at all."""

from uuid import uuid4

from ml_platform.exceptions import StoreError


class HandleStore:
    """Texts by path, below a local folder or an fsspec URL."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def write(self, path: str, text: str) -> None:
        """Put `text` at `path`; a reader sees the old or the new text, never a part."""
        import fsspec

        system, root = fsspec.url_to_fs(self.url)
        target = f"{root}/{path}"
        unfinished = f"{target}.{uuid4().hex}"
        try:
            system.makedirs(target.rpartition("/")[0], exist_ok=True)
            system.pipe_file(unfinished, text.encode())
            system.mv(unfinished, target)
        except OSError as error:
            raise StoreError(f"cannot write {self.url}/{path}: {error}") from error

    def read(self, path: str) -> str | None:
        """The text at `path`; None when there is none."""
        import fsspec

        system, root = fsspec.url_to_fs(self.url)
        try:
            return system.cat_file(f"{root}/{path}").decode()
        except FileNotFoundError:
            return None
