"""Import contracts of our own: what a pure module may reach, and who may hold the clock.

A pure module is any module of a concept folder that is not ``api``, ``service``, ``store``, ``worker`` or listed
as an edge in the contract.
Third-party packages end the search: what numpy imports is not ours to judge; what we import directly is.
"""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

EDGE_FILES = frozenset({"api", "service", "store", "worker", "main", "pipeline", "intake", "schema", "settings"})
SERVICES = ("services.warning", "services.dispatch", "services.resources")


def concept_modules(graph: ImportGraph) -> list[str]:
    """Modules inside concept folders: services.<service>.<concept>.<module>."""
    return sorted(m for m in graph.modules if m.startswith(SERVICES) and m.count(".") == 3)


class PurityContract(Contract):
    """纯核心: pure modules reach nothing impure, even through our own modules."""

    type_name = "purity"
    impure = fields.ListField(subfield=fields.StringField())
    edges = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        broken: list[list[str]] = []
        banned = [name for name in self.impure if name in graph.modules]
        for module in concept_modules(graph):
            if module.rsplit(".", 1)[1] in EDGE_FILES or module in set(self.edges):
                continue
            for target in banned:
                for found in _with_descendants(graph, target):
                    chain = graph.find_shortest_chain(module, found)
                    if chain and not _through_third_party(list(chain)[1:-1]):
                        broken.append(list(chain))
                        break
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for chain in check.metadata["broken"]:
            output.print_error(" -> ".join(chain))


class OneDoorContract(Contract):
    """一扇门: in the services only the keepers import the door."""

    type_name = "one_door"
    door = fields.StringField()
    keepers = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        broken = [
            module
            for module in sorted(graph.find_modules_that_directly_import(self.door))
            if module.startswith(SERVICES) and module.rsplit(".", 1)[1] not in set(self.keepers)
        ]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for module in check.metadata["broken"]:
            output.print_error(f"{module} imports {self.door}: take `now` as an argument")


def _through_third_party(between: list[str]) -> bool:
    return any(not name.startswith(("services", "shared")) for name in between)


def _with_descendants(graph: ImportGraph, name: str) -> list[str]:
    """The module and what is inside it; a third-party package is one squashed module."""
    return [name] if graph.is_module_squashed(name) else sorted({name, *graph.find_descendants(name)})
