from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.datasets.features import split_genres, split_title
from recsysops.datasets.load import load_dataset
from recsysops.errors import BadData

RATINGS_CSV = "userId,movieId,rating,timestamp\n7,1,4.0,100\n8,2,3.5,90\n"
MOVIES_CSV = (
    "movieId,title,genres\n"
    '1,"American President, The (1995)",Comedy|Drama\n'
    "2,Nameless,(no genres listed)\n"
)
RATINGS_DAT = "7::1::4::100\n8::2::3::90\n"
MOVIES_DAT = "1::American President, The (1995)::Comedy|Drama\n2::Nameless::\n"


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder


def check_small(path: Path) -> None:
    dataset = load_dataset(path)
    rows = dataset.interactions
    assert rows.member_ids == ("7", "8")
    assert rows.item_ids == ("1", "2")
    assert rows.times.tolist() == [90.0, 100.0]
    assert rows.members.tolist() == [1, 0]
    first, second = dataset.items
    assert (first.title, first.year) == ("American President, The", 1995)
    assert first.genres == ("Comedy", "Drama")
    assert (second.title, second.year, second.genres) == ("Nameless", None, ())


def test_a_grouplens_csv_folder_is_read(tmp_path: Path) -> None:
    check_small(write(tmp_path / "ml", ratings_csv=RATINGS_CSV, movies_csv=MOVIES_CSV))


def test_a_double_colon_folder_is_read(tmp_path: Path) -> None:
    check_small(write(tmp_path / "ml", ratings_dat=RATINGS_DAT, movies_dat=MOVIES_DAT))


def test_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path / "ml", movies_dat=MOVIES_DAT)
    (folder / "ratings.dat").write_bytes(RATINGS_DAT.replace("\n", "\r\n").encode())
    check_small(folder)


def test_a_zip_with_a_folder_inside_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ml-small.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ml-small/ratings.csv", RATINGS_CSV)
        archive.writestr("ml-small/movies.csv", MOVIES_CSV)
    check_small(path)
    assert load_dataset(path).name == "ml-small"


def test_gzipped_files_with_more_words_in_their_names_are_read(tmp_path: Path) -> None:
    (tmp_path / "mt_ratings_to_2013.dat.gz").write_bytes(gzip.compress(RATINGS_DAT.encode()))
    (tmp_path / "mt_100K_movies.dat.gz").write_bytes(gzip.compress(MOVIES_DAT.encode()))
    check_small(tmp_path)


def test_old_movielens_titles_in_latin_1_are_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "ml", ratings_dat="7::1::4::100\n")
    (folder / "movies.dat").write_bytes("1::Misérables, Les (1995)::Drama\n".encode("latin-1"))
    assert load_dataset(folder).items[0].title == "Misérables, Les"


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"ratings_dat": "7::1::4\n"}, r"ratings\.dat line 1: 3 fields where 4 belong"),
        ({"ratings_dat": "7::1::4::5\n7::1::x::5\n"}, r"line 2: rating 'x' is not a number"),
        ({"ratings_dat": "7::1::nan::5\n"}, r"line 1: rating 'nan' is not a number"),
        ({"ratings_dat": "7::1::4::-5\n"}, r"line 1: timestamp '-5' is not a number from 0"),
        ({"ratings_dat": "7::9::4::5\n"}, r"line 1: movie '9' is not listed in .*movies\.dat"),
        ({"ratings_dat": "a b::1::4::5\n"}, r"line 1: user id 'a b'"),
        ({"ratings_dat": ""}, r"no ratings in this file"),
        (
            {"movies_dat": "1::A (1990)::X\n1::B::Y\n"},
            r"movies\.dat line 2: movie '1' is listed",
        ),
        ({"movies_dat": "1::A\n"}, r"movies\.dat line 1: 2 fields where 3 belong"),
        ({"movies_dat": ""}, r"no movies in this file"),
    ],
)
def test_corrupt_double_colon_files_name_file_and_line(
    tmp_path: Path, files: dict[str, str], complaint: str
) -> None:
    folder = write(tmp_path, **{"ratings_dat": RATINGS_DAT, "movies_dat": MOVIES_DAT, **files})
    with pytest.raises(BadData, match=complaint) as caught:
        load_dataset(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"ratings_csv": "user,movie\n1,2\n"}, r"ratings\.csv line 1: header is 'user,movie'"),
        ({"ratings_csv": ""}, r"ratings\.csv line 1: header is ''"),
        ({"ratings_csv": RATINGS_CSV + "7,1\n"}, r"ratings\.csv line 4: 2 fields"),
        ({"movies_csv": MOVIES_CSV + "3,Three (2001)\n"}, r"movies\.csv line 4: 2 fields"),
    ],
)
def test_corrupt_csv_files_name_file_and_line(
    tmp_path: Path, files: dict[str, str], complaint: str
) -> None:
    folder = write(tmp_path, **{"ratings_csv": RATINGS_CSV, "movies_csv": MOVIES_CSV, **files})
    with pytest.raises(BadData, match=complaint):
        load_dataset(folder)


def test_bytes_that_are_no_text_name_the_line(tmp_path: Path) -> None:
    folder = write(tmp_path, movies_csv=MOVIES_CSV)
    (folder / "ratings.csv").write_bytes(RATINGS_CSV.encode() + b"\xff\xfe\n")
    with pytest.raises(BadData, match=r"ratings\.csv line 4: not UTF-8"):
        load_dataset(folder)


def test_a_cut_off_gzip_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = write(tmp_path, movies_dat=MOVIES_DAT)
    (folder / "ratings.dat.gz").write_bytes(gzip.compress(RATINGS_DAT.encode() * 50)[:40])
    with pytest.raises(BadData, match=r"ratings\.dat\.gz: cannot be read"):
        load_dataset(folder)


def test_a_corrupt_zip_member_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "ml.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ratings.csv", RATINGS_CSV)
        archive.writestr("movies.csv", MOVIES_CSV)
    path.write_bytes(path.read_bytes().replace(b"7,1,4.0", b"7,1,5.0", 1))
    with pytest.raises(BadData, match=r"ml\.zip:ratings\.csv: cannot be read"):
        load_dataset(path)


@pytest.mark.parametrize("kind", ["missing", "text", "empty"])
def test_a_path_without_a_data_set_says_what_belongs_there(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "text":
        path.write_text("no zip")
    if kind == "empty":
        path.mkdir()
    complaint = {
        "missing": "no such folder or zip",
        "text": "neither a folder nor a readable zip",
        "empty": r"holds neither ratings\.csv",
    }
    with pytest.raises(BadData, match=complaint[kind]):
        load_dataset(path)


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"])), st.integers(1880, 2099))
def test_a_year_at_the_end_of_any_title_is_split_off(title: str, year: int) -> None:
    line = title.replace("\n", " ").replace("\r", " ").strip()
    found_title, found_year = split_title(f"{line} ({year})")
    assert found_year == year
    assert found_title == line


def test_genres_keep_their_order_and_lose_repeats() -> None:
    assert split_genres("Drama|Action|Drama||") == ("Drama", "Action")
