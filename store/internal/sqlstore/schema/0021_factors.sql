create table identity_factors (
  user_id    text /*bytes*/ not null references identity_users (id),
  id         text /*bytes*/ not null,
  kind       text not null,
  sealed     bytea not null,
  last_step  bigint not null,
  created_at timestamptz not null,
  used_at    timestamptz,
  primary key (user_id, id)
);
create table identity_recovery_codes (
  user_id    text /*bytes*/ not null references identity_users (id),
  hash       bytea not null,
  created_at timestamptz not null,
  used_at    timestamptz,
  primary key (user_id, hash)
);
create table identity_remembered_devices (
  user_id    text /*bytes*/ not null references identity_users (id),
  device     text /*bytes*/ not null,
  binding    bytea not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (user_id, device)
);
create index identity_remembered_devices_expires on identity_remembered_devices (expires_at);
