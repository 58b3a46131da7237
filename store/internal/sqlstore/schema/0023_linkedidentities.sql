create table identity_linked_identities (
  connection_id text /*bytes*/ not null,
  subject       text /*bytes*/ not null,
  tenant_id     text /*bytes*/ not null,
  user_id       text /*bytes*/ not null references identity_users (id),
  email         text not null,
  role_ids      jsonb,
  created_at    timestamptz not null,
  last_used_at  timestamptz,
  primary key (connection_id, subject)
);
create index identity_linked_identities_user on identity_linked_identities (user_id);
create index identity_linked_identities_tenant on identity_linked_identities (tenant_id, user_id);
create table identity_provider_sessions (
  user_id       text /*bytes*/ not null references identity_users (id),
  session_id    text /*bytes*/ not null,
  connection_id text /*bytes*/ not null,
  subject       text /*bytes*/ not null,
  format        text not null,
  session_index text /*bytes*/ not null,
  hint          bytea,
  attributes    jsonb,
  created_at    timestamptz not null,
  expires_at    timestamptz not null,
  primary key (user_id, session_id)
);
create index identity_provider_sessions_subject on identity_provider_sessions (connection_id, subject);
create index identity_provider_sessions_index on identity_provider_sessions (connection_id, session_index);
create index identity_provider_sessions_expires on identity_provider_sessions (expires_at);
create table identity_social_providers (
  id         text /*bytes*/ not null primary key,
  type       text /*bytes*/ not null unique,
  custom     boolean not null,
  active     boolean not null,
  settings   jsonb,
  secret     bytea,
  created_at timestamptz not null,
  updated_at timestamptz
);
alter table identity_sessions add column only_tenant_id text /*bytes*/ not null default '';
