import sqlite3
from contextlib import closing

import pytest

from appealbridge.store.sqlite.bulk import Insert, Join

NUMBERS = [*range(1, 14), 47, 63, 64, 65, 127, 200]


@pytest.fixture
def connection():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (name TEXT UNIQUE, size INTEGER)")
        yield connection


def rows(count):
    return [(f"n{number}", number) for number in range(count)]


@pytest.mark.parametrize("count", [0, *NUMBERS])
def test_any_number_of_rows_goes_in_in_order(connection, count):
    Insert("t", ("name", "size")).write(connection, rows(count))
    assert connection.execute("SELECT * FROM t ORDER BY rowid").fetchall() == rows(count)


def test_a_conflict_is_settled_as_the_statement_says(connection):
    insert = Insert("t", ("name", "size"), "ON CONFLICT DO UPDATE SET size = excluded.size")
    insert.write(connection, rows(3))
    insert.write(connection, [("n1", 9)])
    assert connection.execute("SELECT size FROM t").fetchall() == [(0,), (9,), (2,)]


@pytest.mark.parametrize("count", [0, *NUMBERS])
def test_a_change_says_how_many_rows_it_changed(connection, count):
    Insert("t", ("name", "size")).write(connection, rows(300))
    double = Join(
        ("name", "size"),
        "UPDATE t SET size = v.size * 2 FROM {v} WHERE t.name = v.name AND t.size = v.size",
    )
    assert double.change(connection, [*rows(count), ("n1", -1), ("nobody", 1)]) == count
    (total,) = connection.execute("SELECT sum(size) FROM t").fetchone()
    assert total == sum(range(300)) + sum(range(count))


@pytest.mark.parametrize("count", [0, *NUMBERS])
def test_a_question_is_answered_for_every_row(connection, count):
    Insert("t", ("name", "size")).write(connection, rows(300))
    ask = Join(("name",), "SELECT t.size FROM {v} JOIN t ON t.name = v.name")
    assert sorted(ask.ask(connection, [(name,) for name, _ in rows(count)])) == [
        (number,) for number in range(count)
    ]


def test_few_texts_serve_all_numbers_of_rows(connection):
    result = set()
    connection.set_trace_callback(lambda sql: result.add(sql.count("(")))
    for count in range(1, 200):
        Insert("t", ("size",)).write(connection, [(1,)] * count)
    assert len(result) == 12
