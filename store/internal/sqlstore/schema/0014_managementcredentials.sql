create table identity_management_credentials (
  id           text /*bytes*/ not null primary key,
  name         text not null,
  secret_hash  bytea,
  created_at   timestamptz not null,
  last_used_at timestamptz
);
