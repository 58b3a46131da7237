create table identity_signing_keys (
  id          text /*bytes*/ not null primary key,
  generation  integer not null unique,
  algorithm   text not null,
  public_key  bytea,
  private_key bytea,
  created_at  timestamptz,
  retired_at  timestamptz,
  expires_at  timestamptz
);
