"""`clout` as one of several processes under a parent: `python -m agents.cli.as_child worker ...`."""

from __future__ import annotations

from agents.worker.child import end_with_parent

if __name__ == "__main__":
    end_with_parent()
    from agents.cli.main import main

    main()
