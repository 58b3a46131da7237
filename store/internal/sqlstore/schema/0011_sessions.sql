create table identity_sessions (
  user_id       text /*bytes*/ not null references identity_users (id),
  id            text /*bytes*/ not null,
  kind          text not null,
  tenant_id     text /*bytes*/ not null,
  hash          bytea,
  previous_hash bytea,
  successor     bytea,
  rotated_at    timestamptz,
  device        text not null,
  user_agent    text not null,
  ip            text not null,
  methods       jsonb,
  auth_time     timestamptz,
  created_at    timestamptz not null,
  last_used_at  timestamptz,
  expires_at    timestamptz not null,
  ends_at       timestamptz not null,
  revoked_at    timestamptz,
  primary key (user_id, id)
);
create index identity_sessions_tenant on identity_sessions (tenant_id, user_id);
create index identity_sessions_expires on identity_sessions (expires_at);
create index identity_sessions_ends on identity_sessions (ends_at);
create index identity_sessions_revoked on identity_sessions (revoked_at) where revoked_at is not null;
