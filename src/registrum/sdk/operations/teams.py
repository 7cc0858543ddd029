"""Documents about teams and who is in them."""

TEAM_PARTS = """fragment TeamParts on Entity {
  id name available photoUrl readOnly readOnlyAdmin isTeam entityType privateOnly storageBytes
  codeSavingEnabled defaultAccess isPaid
  members { id role admin pending email username name photoUrl accountType apiKey }
}"""

TEAM = f"""query Team($name: String!) {{
  entity(name: $name) {{ ...TeamParts }}
}} {TEAM_PARTS}"""

CREATE_TEAM = """mutation CreateTeam($input: CreateTeamInput!) {
  createTeam(input: $input) { entity { name } }
}"""

INVITE = """mutation Invite($input: CreateInviteInput!) {
  createInvite(input: $input) { invite { id } }
}"""

REMOVE_MEMBER = """mutation RemoveMember($input: DeleteInviteInput!) {
  deleteInvite(input: $input) { success }
}"""

CREATE_SERVICE_ACCOUNT = """mutation CreateServiceAccount($input: CreateServiceAccountInput!) {
  createServiceAccount(input: $input) { user { id } }
}"""
