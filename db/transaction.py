"""A session whose changes all happen or none."""

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from oncology.errors import StoreError


class Transaction:
    """A session that commits at the end or rolls back, with database failures as StoreError."""

    def __init__(self, engine: Engine) -> None:
        self.session = Session(engine, expire_on_commit=False)

    def __enter__(self) -> Session:
        return self.session

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        try:
            if kind is None:
                self.session.commit()
            else:
                self.session.rollback()
        except SQLAlchemyError as failure:
            self.session.rollback()
            raise StoreError(
                f"the records could not be written: {type(failure).__name__}; nothing was changed"
            ) from failure
        finally:
            self.session.close()
        if isinstance(error, SQLAlchemyError):
            raise StoreError(
                f"the records could not be written: {kind and kind.__name__}; nothing was changed"
            ) from error
