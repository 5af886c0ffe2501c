"""An app that delivers the outbox of a database, for a test to kill.

python -m tests.ext.mail.process DATABASE PORT [RESEND]
"""

from __future__ import annotations

import asyncio
import sys

from quart import Quart

from qapp.ext.database import Database
from qapp.ext.mail import Mail


async def main(database: str, port: str, resend: str = "yes") -> None:
    app = Quart("killed")
    app.config.update(
        DATABASE_URL=f"sqlite:///{database}",
        MAIL_SERVER="127.0.0.1",
        MAIL_PORT=int(port),
        MAIL_OUTBOX_POLL=0.05,
        MAIL_OUTBOX_RESEND=resend == "yes",
    )
    Mail(app, db=Database(app))
    async with app.test_app():
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
