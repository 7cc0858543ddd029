"""The cache of downloaded files: whole or absent, bounded, and shared."""

import os
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from registrum.core.digests import Algorithm
from registrum.core.errors import Invalid
from registrum.sdk import cache, reflink
from registrum.sdk.cache import Cache
from registrum.sdk.hashing import of_bytes

MD5 = Algorithm.MD5


def kept(held: Cache, content: bytes) -> str:
    digest = of_bytes(content)
    held.keep_bytes(digest, MD5, content)
    return digest


def taken(held: Cache, digest: str, size: int, at: Path) -> bytes | None:
    return at.read_bytes() if held.take(digest, MD5, size, str(at)) else None


def test_what_was_kept_is_taken(tmp_path: Path) -> None:
    held = Cache(str(tmp_path / "cache"), 1 << 20)
    digest = kept(held, b"content")
    assert taken(held, digest, 7, tmp_path / "a") == b"content"
    assert taken(held, of_bytes(b"other"), 5, tmp_path / "b") is None
    assert not (tmp_path / "b").exists()
    (tmp_path / "source").write_bytes(b"of a file")
    held.keep(of_bytes(b"of a file"), MD5, str(tmp_path / "source"))
    assert taken(held, of_bytes(b"of a file"), 9, tmp_path / "c") == b"of a file"


def test_who_edits_a_copy_does_not_reach_the_cache(tmp_path: Path) -> None:
    held = Cache(str(tmp_path / "cache"), 1 << 20)
    digest = kept(held, b"content")
    held.take(digest, MD5, 7, str(tmp_path / "a"))
    (tmp_path / "a").write_bytes(b"CONTENT")
    with (tmp_path / "a").open("r+b") as file:
        file.write(b"edited!")
    assert taken(held, digest, 7, tmp_path / "b") == b"content"


def test_a_file_of_another_size_is_not_taken(tmp_path: Path) -> None:
    held = Cache(str(tmp_path / "cache"), 1 << 20)
    digest = kept(held, b"content")
    (path,) = (tmp_path / "cache" / "files").rglob("*/*/*")
    path.write_bytes(b"cut")
    assert taken(held, digest, 7, tmp_path / "a") is None


def test_a_target_that_cannot_be_written_is_an_error_and_no_miss(tmp_path: Path) -> None:
    held = Cache(str(tmp_path / "cache"), 1 << 20)
    digest = kept(held, b"content")
    with pytest.raises(FileNotFoundError):
        held.take(digest, MD5, 7, str(tmp_path / "missing" / "a"))


def test_the_least_used_goes_first(tmp_path: Path) -> None:
    held = Cache(str(tmp_path / "cache"), 1 << 20)
    digests = [kept(held, bytes([number]) * 1000) for number in range(10)]
    for number, path in enumerate(sorted((tmp_path / "cache" / "files").rglob("*/*/*"))):
        os.utime(path, ns=(number * 10**9, path.stat().st_mtime_ns))
    oldest = min((tmp_path / "cache" / "files").rglob("*/*/*"), key=lambda p: p.stat().st_atime)
    assert held.prune(9000) == (1, 1000)
    assert not oldest.exists()
    assert held.usage().size_bytes == 9000
    used = next(digest for digest in digests if taken(held, digest, 1000, tmp_path / "a"))
    assert held.prune(1000) == (8, 8000)
    assert taken(held, used, 1000, tmp_path / "used") is not None
    assert held.prune(0) == (1, 1000)
    assert held.usage().files == 0


def test_it_stays_below_its_limit(tmp_path: Path) -> None:
    held = Cache(str(tmp_path / "cache"), 100_000)
    for number in range(300):
        kept(held, number.to_bytes(4) * 250)
        held.settle()
    assert 50_000 < held.usage().size_bytes <= 100_000


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file is in its way")
    held = Cache(str(tmp_path / "cache"), 1 << 20)
    digest = kept(held, b"content")
    held.settle()
    assert taken(held, digest, 7, tmp_path / "a") is None
    assert held.usage().files == 0


def test_several_at_once(tmp_path: Path) -> None:
    contents = [bytes([number]) * 20_000 for number in range(20)]
    failures: list[BaseException] = []

    def work(me: int) -> None:
        held = Cache(str(tmp_path / "cache"), 150_000)
        try:
            for round_ in range(5):
                for number, content in enumerate(contents):
                    digest = kept(held, content)
                    found = taken(held, digest, 20_000, tmp_path / f"{me}-{round_}-{number}")
                    assert found in (None, content)
                held.settle()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert not list((tmp_path / "cache" / "incoming").iterdir())


def test_where_it_is() -> None:
    assert cache.folder({"REGISTRUM_CACHE_DIR": "/a", "WANDB_CACHE_DIR": "/b"}) == "/a"
    assert cache.folder({"WANDB_CACHE_DIR": "/b"}) == "/b/registrum"
    assert cache.folder({"XDG_CACHE_HOME": "/c"}) == "/c/registrum"
    assert cache.folder({}).endswith("/registrum")


@pytest.mark.parametrize(
    ("text", "size"),
    [("5", 5), ("2KiB", 2048), ("1.5 MB", 1572864), ("3G", 3 << 30), ("1 TiB", 1 << 40)],
)
def test_limits(text: str, size: int) -> None:
    assert cache.limit_bytes({"REGISTRUM_CACHE_LIMIT": text}) == size


def test_a_limit_that_is_none() -> None:
    with pytest.raises(Invalid, match="REGISTRUM_CACHE_LIMIT"):
        cache.limit_bytes({"REGISTRUM_CACHE_LIMIT": "much"})
    assert cache.limit_bytes({}) == 20 << 30


def linked(held: Cache, digest: str, size: int, at: Path) -> bool:
    return held.take(digest, MD5, size, str(at), reflink.link)


def test_a_hard_link_is_read_only_and_a_copy_of_the_same_file_is_not(tmp_path: Path) -> None:
    held = Cache(str(tmp_path / "cache"), 1 << 20)
    digest = kept(held, b"content")
    assert linked(held, digest, 7, tmp_path / "a")
    assert taken(held, digest, 7, tmp_path / "b") == b"content"
    at, copy = (tmp_path / "a").stat(), (tmp_path / "b").stat()
    if at.st_nlink > 1:  # Where blocks can be shared, that is done instead.
        assert at.st_mode & 0o777 == 0o444
    assert copy.st_nlink == 1
    assert copy.st_mode & 0o200


def test_what_was_written_through_a_link_is_not_handed_out(tmp_path: Path) -> None:
    held = Cache(str(tmp_path / "cache"), 1 << 20)
    digest = kept(held, b"content")
    assert linked(held, digest, 7, tmp_path / "a")
    is_shared = (tmp_path / "a").stat().st_nlink == 1
    (tmp_path / "a").chmod(0o644)
    (tmp_path / "a").write_bytes(b"CONTENT")
    assert taken(held, digest, 7, tmp_path / "b") == (b"content" if is_shared else None)
    kept(held, b"content")
    assert taken(held, digest, 7, tmp_path / "c") == b"content"


def held_at(folder: Path) -> Path:
    (path,) = (folder / "cache" / "files").rglob("*/*/*")
    return path


def test_what_was_written_through_a_link_that_is_gone_is_not_handed_out(tmp_path: Path) -> None:
    held = Cache(str(tmp_path / "cache"), 1 << 20)
    digest = kept(held, b"content")
    assert linked(held, digest, 7, tmp_path / "a")
    (tmp_path / "a").chmod(0o644)
    with (tmp_path / "a").open("r+b") as file:
        file.write(b"CONT")
    (tmp_path / "a").unlink()
    assert taken(held, digest, 7, tmp_path / "b") in (None, b"content")
    kept(held, b"content")
    assert taken(held, digest, 7, tmp_path / "c") == b"content"


def test_what_was_written_in_the_cache_itself_is_noticed_by_its_date(tmp_path: Path) -> None:
    held = Cache(str(tmp_path / "cache"), 1 << 20)
    digest = kept(held, b"content")
    with held_at(tmp_path).open("r+b") as file:
        file.write(b"CONT")
    assert taken(held, digest, 7, tmp_path / "a") is None
    assert held.usage().files == 0


def test_a_file_without_its_mark_is_read_once_and_marked(tmp_path: Path) -> None:
    held = Cache(str(tmp_path / "cache"), 1 << 20)
    digest = kept(held, b"content")
    mark = held_at(tmp_path).stat().st_mtime_ns
    os.utime(held_at(tmp_path))  # As an earlier version kept it, or a backup brought it back.
    assert taken(held, digest, 7, tmp_path / "a") == b"content"
    assert held_at(tmp_path).stat().st_mtime_ns == mark


def test_using_what_is_linked_leaves_its_dates_alone(tmp_path: Path) -> None:
    held = Cache(str(tmp_path / "cache"), 1 << 20)
    digest = kept(held, b"content")
    path = held_at(tmp_path)
    os.link(path, tmp_path / "a")
    os.utime(path, ns=(5 * 10**9, path.stat().st_mtime_ns))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "utime", lambda *_, **__: pytest.fail("a date was set"))
        assert taken(held, digest, 7, tmp_path / "b") == b"content"


def test_across_file_systems_a_link_is_a_copy(tmp_path: Path) -> None:
    away = Path("/dev/shm")
    if not away.is_dir() or away.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one file system only")
    held = Cache(str(tmp_path / "cache"), 1 << 20)
    digest = kept(held, b"content")
    with TemporaryDirectory(dir=away) as folder:
        assert linked(held, digest, 7, Path(folder) / "a")
        assert (Path(folder) / "a").stat().st_mode & 0o200
