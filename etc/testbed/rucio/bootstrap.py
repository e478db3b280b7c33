"""bootstrap.py sqlite|postgres: make the schema and the root account, as Rucio's tools/bootstrap.py."""

import sys

from rucio.common.types import InternalAccount
from rucio.core.account import add_account_attribute
from rucio.db.sqla.constants import DatabaseOperationType
from rucio.db.sqla.session import db_session, get_engine
from rucio.db.sqla.util import build_database, create_base_vo, create_root_account

if sys.argv[1] == "sqlite":
    with get_engine().connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")  # stays with the file
build_database()
create_base_vo()
create_root_account()
with db_session(DatabaseOperationType.WRITE) as session:
    add_account_attribute(account=InternalAccount("root"), key="admin", value=True, session=session)
