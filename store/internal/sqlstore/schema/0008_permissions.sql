create table identity_permissions (
  id          text /*bytes*/ not null primary key,
  key         text /*bytes*/ not null unique,
  name        text not null,
  description text not null,
  category_id text /*bytes*/ not null,
  usage       text not null,
  built_in    boolean not null,
  created_at  timestamptz,
  updated_at  timestamptz
);
create index identity_permissions_category on identity_permissions (category_id);
