create table identity_categories (
  id          text /*bytes*/ not null primary key,
  name        text /*bytes*/ not null unique,
  description text not null,
  built_in    boolean not null,
  created_at  timestamptz
);
