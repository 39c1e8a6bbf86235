"""The development stack's folders are closed, and those of others are not touched."""

import os
from pathlib import Path

import pytest

from madan_sara.devstack.errors import DevstackError
from madan_sara.devstack.private import LOCK_NAME, make_private_folder, write_private


@pytest.fixture(autouse=True)
def usual_umask():
    usual = os.umask(0o022)
    yield
    os.umask(usual)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def an_open_folder(where: Path, *files: str) -> Path:
    folder = where / "open"
    folder.mkdir()
    for file in files:
        (folder / file).touch()
    assert mode(folder) == 0o755
    return folder


def test_a_new_folder_is_private_and_so_are_those_made_for_it(tmp_path):
    make_private_folder(tmp_path / "a" / "b" / "c")
    assert [mode(tmp_path / path) for path in ("a", "a/b", "a/b/c")] == [0o700] * 3


def test_the_folders_above_stay_as_they_are(tmp_path):
    above = an_open_folder(tmp_path)
    make_private_folder(above / "a")
    assert mode(above) == 0o755


@pytest.mark.parametrize("files", [(), (LOCK_NAME, "env")])
def test_an_open_folder_of_ours_is_closed(tmp_path, files):
    folder = an_open_folder(tmp_path, *files)
    make_private_folder(folder)
    assert mode(folder) == 0o700


def test_an_open_folder_with_foreign_things_is_left_as_it_is(tmp_path):
    folder = an_open_folder(tmp_path, "thesis.odt")
    with pytest.raises(DevstackError, match=r"holds things that are not a stack's; .*chmod 700"):
        make_private_folder(folder)
    assert mode(folder) == 0o755


def test_a_closed_folder_may_hold_anything(tmp_path):
    folder = an_open_folder(tmp_path, "thesis.odt")
    folder.chmod(0o700)
    make_private_folder(folder)


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "link").symlink_to(an_open_folder(tmp_path))
    with pytest.raises(DevstackError, match="is not a folder of the user"):
        make_private_folder(tmp_path / "link")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_not_used(tmp_path):
    folder = an_open_folder(tmp_path)
    os.chown(folder, 65534, -1)
    with pytest.raises(DevstackError, match="is not a folder of the user"):
        make_private_folder(folder)


def test_a_file_is_private_even_if_it_was_open(tmp_path):
    file = tmp_path / "env"
    file.write_text("much longer than what comes")
    assert mode(file) == 0o644
    write_private(file, "secret")
    assert (mode(file), file.read_text()) == (0o600, "secret")
