"""The third lock on permissions: a loader can't be called without saying what for."""

import ast
from collections.abc import Iterator

from tests.house.sources import Module, modules

# Accounts, keys, sessions, jobs and blobs have owners, and whoever asks for them does so for one; what plans and runs a
# search of versions has the action in its shape. All else is rows of projects, organizations and entities.
UNPROTECTED = (
    "blobs", "events", "garbage", "instance", "jobs", "keys", "registry_values", "sessions", "sign_in_failures", "uploads",
    "users", "version_grids", "version_plans", "version_search",
)  # fmt: skip
READS = {"rows", "one", "value", "column"}
WRITES = {"run", "run_many"}
# Makers of statements for tables of one shape (`db/roles.py`), by the names that modules give them.
OF_ROLES = {"_ROLES", "_USERS", "_TEAMS", "roles"}
ROLES_READ = {"held", "count"}

# Who reads or writes without an action and without a grant, and why that is right. A new one is thought about first.
LOADED_BEFORE = {
    "aliases.protected_in", "aliases.by_memberships", "aliases.by_artifacts", "artifact_types.accepted_in",
    "entities.size_bytes", "manifests.current", "members.users_of", "members.teams_of", "runs.runs_from",
    "teams.members_by_team",
}  # fmt: skip
"""They are given what a loader returned, or filter by what the actor may read."""
OF_THE_ACTOR = {
    "artifacts.latest_in", "artifacts.by_client_id", "entities.by_ids", "entities.default_name",
    "guests.organization_ids_of_guest", "files.blob_of_artifact", "files.blobs_of_artifact", "files.blob_in_collection",
    "files.blob_of_entity", "members.candidate_teams", "organizations.may_administer",
    "projects.create_on_demand",
}  # fmt: skip
"""Their condition about the actor is fixed: what they may see, fetch or administer."""
WITHIN_A_USE_CASE = {
    "collection_edits.artifacts_left", "collections.lock", "memberships.lock_places", "entities.add", "entities.free_name",
    "memberships.remove_of_artifacts", "organizations.add", "organizations.count_admins", "organizations.role_of",
    "project_removal.ids_in", "project_removal.linked_elsewhere", "project_removal.protected_alias_in",
    "projects.lock", "retention.default_of_entity", "retention.expired", "retention.inheriting", "teams.count_admins",
    "teams.invite", "teams.role_of", "teams.service_ids", "versions.give_up_lost", "versions.lock",
}  # fmt: skip
"""They answer a use case that asked for the right, with numbers and roles only, lock a row, or end a lost upload."""
AFTER_A_USE_CASE = {
    "collection_edits.remove_artifacts", "entities.put_under", "entities.remove", "entities.remove_own",
    "manifests.seal", "memberships.latest_to_newest", "memberships.remove_places",
    "project_removal.empty_some", "members.remove_everywhere", "members.remove_in_organization", "members.remove_teams_everywhere",
    "organizations.add_member", "organizations.change_role", "organizations.remove_everywhere",
    "organizations.remove_member", "retention.set_end", "teams.accept_invites", "teams.remove_everywhere",
    "teams.remove_in_organization", "teams.remove_invites", "teams.remove_member", "teams.remove_members",
}  # fmt: skip
"""They carry out what follows from an act whose right was asked for: the end of an account, team or collection."""
BENEATH_A_LOADER = {
    "run_chunks.add", "run_chunks.between", "run_chunks.copy", "run_chunks.each", "run_chunks.last_sizes",
    "run_chunks.last_with_step_before", "run_chunks.remove",
}  # fmt: skip
"""`history.py` and `history_writing.py` asked for the right before, and nobody else calls them."""
THOUGHT_ABOUT = (
    LOADED_BEFORE | OF_THE_ACTOR | WITHIN_A_USE_CASE | AFTER_A_USE_CASE | BENEATH_A_LOADER
)


def functions() -> Iterator[tuple[Module, str, ast.FunctionDef]]:
    """The public functions of the db room, each with its name as `module.function`."""
    for module in modules("src/registrum/server/db"):
        room = module.path.rpartition("/")[2].removesuffix(".py")
        for node in module.tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield module, f"{room}.{node.name}", node


def uses_of_tx(node: ast.FunctionDef) -> set[str]:
    """Which methods of `tx` a function calls, itself or by the statements of a table that it hands `tx` to."""
    found = set()
    for inner in ast.walk(node):
        if not (isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name)):
            continue
        if inner.value.id == "tx":
            found.add(inner.attr)
        elif inner.value.id in OF_ROLES:
            found.add("value" if inner.attr in ROLES_READ else "run")
        elif inner.value.id == "_LOCK":
            found.add("value")
    return found


def grants(node: ast.FunctionDef) -> list[str]:
    """The parameters that are grants."""
    own = [*node.args.args, *node.args.kwonlyargs]
    return [a.arg for a in own if a.annotation and "Grant[" in ast.unparse(a.annotation)]


def unguarded(uses: set[str]) -> set[str]:
    """Functions that use `tx` so, in the protected rooms, and take neither an action nor a grant."""
    return {
        name
        for _, name, node in functions()
        if name.partition(".")[0] not in UNPROTECTED
        and uses_of_tx(node) & uses
        and not grants(node)
        and "action" not in [own.arg for own in node.args.args]
    }


def test_who_touches_protected_rows_asks_for_an_action_or_a_grant() -> None:
    assert unguarded(READS | WRITES) <= THOUGHT_ABOUT


def test_nothing_is_excused_in_vain() -> None:
    assert unguarded(READS | WRITES) >= THOUGHT_ABOUT


def test_writers_require_the_action_of_their_grant() -> None:
    careless = [
        name
        for _, name, node in functions()
        if uses_of_tx(node) & WRITES
        for grant in grants(node)
        if f"{grant}.require(" not in ast.unparse(node)
    ]
    assert not careless


def test_only_the_db_room_mints_grants() -> None:
    minted = [
        f"{module.path}:{node.lineno}"
        for module in modules()
        if not module.path.startswith("src/registrum/server/db/")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).split("[")[0].endswith("Grant")
    ]
    assert not minted


def test_loaders_take_the_transaction_and_the_action_first() -> None:
    loaders = [
        (f"{module.path}:{node.lineno} {node.name}", [own.arg for own in node.args.args[:2]])
        for module in modules("src/registrum/server/db")
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef)
        and (node.name == "get_for" or node.name.startswith(("get_for_", "page_of_", "count_of_")))
    ]
    assert not [where for where, first in loaders if first != ["tx", "action"]]


def test_actions_have_no_default() -> None:
    found = [
        f"{module.path}:{node.lineno} {node.name}"
        for module in modules("src/registrum/server/db")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef)
        for own in [*node.args.args[len(node.args.args) - len(node.args.defaults) :]]
        if own.arg == "action"
    ]
    assert not found


def test_chunks_of_runs_are_met_by_way_of_their_history_only() -> None:
    users = {
        module.path.rpartition("/")[2]
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom)
        and node.module == "registrum.server.db"
        and "run_chunks" in {name.name for name in node.names}
    }
    assert users == {"history.py", "history_writing.py"}
