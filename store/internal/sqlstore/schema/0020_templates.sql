create table identity_templates (
  id           text /*bytes*/ not null primary key,
  key          text /*bytes*/ not null unique,
  name         text not null,
  name_fold    text /*bytes*/ not null,
  description  text not null,
  life_seconds bigint not null,
  algorithm    text not null,
  claims       text not null,
  created_at   timestamptz not null,
  updated_at   timestamptz not null
);
create index identity_templates_created on identity_templates (created_at, id);
