"""Only one module decides what a tenant owns."""

import ast
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_ROOMS = [path.resolve() for path in (_ROOT / "madan_sara").iterdir() if path.is_symlink()]


def test_only_the_tenant_check_calls_an_id_the_tenants_own():
    makers = {
        path.relative_to(_ROOT).as_posix()
        for room in _ROOMS
        for path in room.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("OwnMessage", "OwnCampaign")
    }
    assert makers == {"persistence/ownership.py"}
