create table identity_revocations (
  id         text /*bytes*/ not null primary key,
  tenant_id  text not null,
  user_id    text not null,
  session_id text not null,
  at         timestamptz not null
);
create index identity_revocations_at on identity_revocations (at, id);
