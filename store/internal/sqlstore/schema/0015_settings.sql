create table identity_settings (
  scope text /*bytes*/ not null,
  kind  text /*bytes*/ not null,
  doc   jsonb,
  primary key (scope, kind)
);
