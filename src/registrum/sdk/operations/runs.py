"""Documents about runs as others read them: lists, configuration, history, files, console, artifacts."""

from registrum.sdk.operations.artifacts import ALIASES_PARTS, VERSION_PARTS

_RUN = "$entity: String!, $project: String!, $name: String!"
_PAGE = "pageInfo { hasNextPage endCursor }"

LIGHT_PARTS = """fragment LightRunParts on Run {
  id projectId tags name displayName sweepName state group jobType commit readOnly createdAt
  heartbeatAt description notes historyLineCount user { name username }
}"""
FULL_PARTS = f"""fragment FullRunParts on Run {{
  ...LightRunParts config summaryMetrics systemMetrics historyKeys
}} {LIGHT_PARTS}"""


def _of_run(name: str, selection: str, more: str = "") -> str:
    return f"""query {name}({_RUN}{more}) {{
      project(name: $project, entityName: $entity) {{ run(name: $name) {{ {selection} }} }}
    }}"""


def _of_runs(name: str, parts: str, fragment: str) -> str:
    return f"""query {name}(
      $entity: String!, $project: String!, $filters: JSONString, $order: String, $after: String, $first: Int,
      $count: Boolean = false
    ) {{
      project(name: $project, entityName: $entity) {{
        page: runs(filters: $filters, order: $order, after: $after, first: $first) {{
          totalCount @include(if: $count)
          edges {{ cursor node {{ ...{parts} }} }} {_PAGE}
        }}
      }}
    }} {fragment}"""


RUN = _of_run("Run", "...FullRunParts") + FULL_PARTS
LIGHT_RUN = _of_run("LightRun", "...LightRunParts") + LIGHT_PARTS
RUN_STATE = _of_run("RunState", "state")
HISTORY_KEYS = _of_run("RunHistoryKeys", "historyKeys")
RUNS = _of_runs("Runs", "FullRunParts", FULL_PARTS)
LIGHT_RUNS = _of_runs("LightRuns", "LightRunParts", LIGHT_PARTS)

HISTORY = _of_run("RunHistory", "lines: history(samples: $samples)", ", $samples: Int")
EVENTS = _of_run("RunEvents", "lines: events(samples: $samples)", ", $samples: Int")
SAMPLED = _of_run("RunSampledHistory", "sampledHistory(specs: $specs)", ", $specs: [JSONString!]!")
STEPS = _of_run(
    "RunSteps",
    "lines: history(minStep: $minStep, maxStep: $maxStep, samples: $samples)",
    ", $minStep: Int64, $maxStep: Int64, $samples: Int",
)

FILES = _of_run(
    "RunFiles",
    f"""page: files(names: $names, pattern: $pattern, after: $after, first: $first) {{
      totalCount @include(if: $count)
      edges {{
        cursor
        node {{ id name url(upload: $upload) directUrl sizeBytes mimetype updatedAt md5 }}
      }} {_PAGE}
    }}""",
    ", $names: [String], $pattern: String, $upload: Boolean, $after: String, $first: Int, $count: Boolean = false",
)

LOG_LINES = _of_run(
    "RunConsole",
    f"""page: logLines(useImprovedPagination: true, last: $last, after: $after, first: $first) {{
      edges {{ node {{ number timestamp level label line }} }} {_PAGE}
    }}""",
    ", $last: Int, $after: String, $first: Int",
)

_VERSION = "totalCount @include(if: $count) edges { node { ...VersionParts ...AliasesParts } }"
_OF_PAGE = ", $after: String, $first: Int, $count: Boolean = false"
_PARTS = f"{VERSION_PARTS} {ALIASES_PARTS}"
LOGGED = (
    _of_run(
        "LoggedArtifacts",
        f"page: outputArtifacts(after: $after, first: $first) {{ {_VERSION} {_PAGE} }}",
        _OF_PAGE,
    )
    + _PARTS
)
USED = (
    _of_run(
        "UsedArtifacts",
        f"page: inputArtifacts(after: $after, first: $first) {{ {_VERSION} {_PAGE} }}",
        _OF_PAGE,
    )
    + _PARTS
)

UPSERT_RUN = f"""mutation UpsertRun($input: UpsertBucketInput!) {{
  upsertBucket(input: $input) {{
    bucket {{ ...FullRunParts project {{ name entity {{ name }} }} }}
  }}
}} {FULL_PARTS}"""

UPDATE_STATE = """mutation UpdateRunState($input: UpdateRunStateInput!) {
  updateRunState(input: $input) { success }
}"""

STOP = """mutation StopRun($input: StopRunInput!) {
  stopRun(input: $input) { success }
}"""

DELETE_RUN = """mutation DeleteRun($input: DeleteRunInput!) {
  deleteRun(input: $input) { success }
}"""

CREATE_FILES = """mutation CreateRunFiles($input: CreateRunFilesInput!) {
  createRunFiles(input: $input) { uploadHeaders files { name uploadUrl } }
}"""

MARK_UPLOADED = """mutation MarkRunFilesUploaded($input: MarkRunFilesUploadedInput!) {
  markRunFilesUploaded(input: $input) { success }
}"""

DELETE_FILES = """mutation DeleteRunFiles($input: DeleteFilesInput!) {
  deleteFiles(input: $input) { success }
}"""

LOG_EXISTING = """mutation LogExisting($input: CreateArtifactInput!) {
  createArtifact(input: $input) { artifact { id } }
}"""
