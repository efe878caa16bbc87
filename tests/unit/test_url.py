"""Every spelling of the database's address comes out as one that libpq accepts; a wrong one names its fault only."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from pgq.db.url import conninfo, redacted
from pgq.values.errors import SettingsError


@pytest.mark.parametrize(
    "scheme",
    ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2", "postgresql+asyncpg", "PostgreSQL"],
)
def test_every_usual_scheme_is_accepted(scheme: str) -> None:
    parts = conninfo_to_dict(conninfo(f"{scheme}://ada:pw@db.example:6432/jobs"))

    assert (parts["user"], parts["password"], parts["host"]) == ("ada", "pw", "db.example")
    assert (parts["port"], parts["dbname"]) == ("6432", "jobs")


@given(user=st.text(min_size=1), password=st.text(min_size=1), dbname=st.text(min_size=1))
def test_percent_encoded_characters_are_never_lost(user: str, password: str, dbname: str) -> None:
    user, password, dbname = (part.replace("\0", "~") for part in (user, password, dbname))
    url = f"postgresql+asyncpg://{quote(user, safe='')}:{quote(password, safe='')}@h/{quote(dbname, safe='')}"

    parts = conninfo_to_dict(conninfo(url))

    assert (parts["user"], parts["password"], parts["dbname"]) == (user, password, dbname)


@given(password=st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_dsn_passes_with_its_quoting(password: str) -> None:
    quoted = password.replace("\\", "\\\\").replace("'", "\\'")

    assert conninfo_to_dict(conninfo(f"host=/run/pg password='{quoted}'")).get("password", "") == password


def test_a_silent_host_is_given_up_in_seconds() -> None:
    parts = conninfo_to_dict(conninfo("postgresql://h/d"))

    assert {name: parts[name] for name in parts if name not in ("host", "dbname")} == {
        "application_name": "pgq",
        "connect_timeout": "5",
        "keepalives_idle": "5",
        "keepalives_interval": "2",
        "keepalives_count": "3",
        "tcp_user_timeout": "10000",
    }


def test_what_the_url_says_wins_over_the_caller_and_the_caller_over_the_defaults() -> None:
    parts = conninfo_to_dict(
        conninfo("postgresql://h/d?connect_timeout=30", connect_timeout=9, application_name="pgq worker", options=None)
    )

    assert (parts["connect_timeout"], parts["application_name"]) == ("30", "pgq worker")
    assert "options" not in parts


def test_several_hosts_find_the_primary() -> None:
    parts = conninfo_to_dict(conninfo("postgresql://u:p@a:1,b:2,c:3/d"))

    assert (parts["host"], parts["port"], parts["target_session_attrs"]) == ("a,b,c", "1,2,3", "read-write")


def test_several_hosts_with_a_choice_of_their_own_keep_it() -> None:
    parts = conninfo_to_dict(conninfo("host=a,b target_session_attrs=prefer-standby"))

    assert parts["target_session_attrs"] == "prefer-standby"


def test_one_host_may_be_a_standby() -> None:
    assert "target_session_attrs" not in conninfo_to_dict(conninfo("postgresql://u:p@a/d"))


def test_a_socket_directory_is_a_host() -> None:
    assert conninfo_to_dict(conninfo("postgresql://%2Frun%2Fpostgresql/d"))["host"] == "/run/postgresql"


def test_ssl_true_is_libpqs_own() -> None:
    assert conninfo_to_dict(conninfo("postgresql://h/d?ssl=true"))["sslmode"] == "require"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("mysql://u:s3cret@h/d", "postgresql://"),
        ("postgresql+pg8000://u:s3cret@h/d", "driver"),
        ("postgresql://u:s3%cret@h/d", "%25"),
        ("postgresql://u:s3cr@et@h/d", "%40"),
        ("postgresql://u:s3/cret@h/d", "%2F"),
        ("postgresql://u:s3cret@h:five/d", "port"),
        ("postgresql://h:s3cret/d", "port"),
        ("postgresql://u:s3cret@h:70000/d", "port"),
        ("postgresql://u:s3cret@h:٣/d", "port"),
        ("postgresql://u:s3cret@a:1,b:2,c/d?port=1,2", "hosts"),
        ("postgresql://u:s3cret@[::1/d", "cannot be read"),
        ("postgresql://u:s3cret@h/d?ssl=require", "sslmode=require"),
        ("postgresql+asyncpg://u:s3cret@h/d?prepared_statement_cache_size=0", "prepared_statement_cache_size"),
        ("postgresql+asyncpg://u:s3cret@h?server_settings=x", "server_settings"),
        ("postgresql://u:s3cret@h/d?sslmoed=require", "did you mean sslmode?"),
        ("postgresql://u@h/d?password=s3cret&s3cret=1", "does not know"),
        ("postgresql://u:s3cret@h/d?sslmode", "cannot be read"),
        ("host=h password=s3cret s3cret", "single quotes"),
        ("host=h password=s3cret s3cret=x", "does not know"),
        ("host=h pasword=s3cret", "did you mean password?"),
        ("s3cret", "neither a URI"),
    ],
)
def test_a_wrong_url_says_what_is_wrong_and_keeps_the_password_to_itself(url: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        conninfo(url)

    assert says in str(caught.value)
    assert "s3" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or "s3" not in str(caught.value.__context__)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+psycopg://ada:s3cret@db.example:6432/jobs?sslmode=require", "db.example:6432/jobs as ada"),
        ("postgresql://ada:s3cret@a,b:2/jobs", "a:5432,b:2/jobs as ada"),
        ("host=a,b port=1 user=ada password=s3cret", "a:1,b:1/ada as ada"),
        ("host=/run/pg dbname=jobs", "/run/pg:5432/jobs"),
        ("postgresql://", "localhost:5432/"),
        ("mysql://ada:s3cret@h/d", "an unreadable database URL"),
    ],
)
def test_messages_show_place_and_user_only(url: str, shown: str) -> None:
    assert redacted(url) == shown
