"""Documents of a run that reports: begin or change it, and find an earlier one."""

_RUN = """fragment ActiveRunParts on Run {
  id name displayName notes tags group jobType config summaryMetrics historyLineCount
  project { name entity { name } }
}"""

UPSERT = f"""mutation UpsertActiveRun($input: UpsertBucketInput!) {{
  upsertBucket(input: $input) {{ bucket {{ ...ActiveRunParts }} inserted }}
}} {_RUN}"""

EARLIER = f"""query EarlierRun($project: String!, $entity: String, $name: String!) {{
  model(name: $project, entityName: $entity) {{
    bucket(name: $name, missingOk: true) {{ ...ActiveRunParts }}
  }}
}} {_RUN}"""
