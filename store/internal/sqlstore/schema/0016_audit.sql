create table identity_audit_events (
  tenant_id  text /*bytes*/ not null,
  at         timestamptz not null,
  id         text /*bytes*/ not null,
  actor_id   text /*bytes*/ not null,
  actor_kind text not null,
  action     text /*bytes*/ not null,
  subject    text /*bytes*/ not null,
  ip         text not null,
  user_agent text not null,
  detail     jsonb,
  primary key (tenant_id, at, id)
);
create index identity_audit_events_at on identity_audit_events (at, id);
