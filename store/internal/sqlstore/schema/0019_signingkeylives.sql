create table identity_signing_keys_next (
  id           text /*bytes*/ not null primary key,
  template_id  text /*bytes*/ not null,
  generation   integer not null,
  algorithm    text not null,
  public_key   bytea,
  private_key  bytea,
  life_seconds bigint not null,
  created_at   timestamptz,
  signs_at     timestamptz,
  retired_at   timestamptz,
  expires_at   timestamptz,
  revoked_at   timestamptz,
  unique (template_id, generation)
);
insert into identity_signing_keys_next
  select id, '', generation, algorithm, public_key, private_key, 0, created_at, created_at, retired_at, expires_at, null
  from identity_signing_keys;
drop table identity_signing_keys;
alter table identity_signing_keys_next rename to identity_signing_keys;
