package sqlstore

import "context"

func (db *DB) scanSetting(scan scan) (text string, err error) {
	err = scan(docOf{&text, db})
	return text, err
}

// Setting implements store.SettingStore.
func (db *DB) Setting(ctx context.Context, scope, kind string) ([]byte, error) {
	text, err := one(ctx, db, db.scanSetting,
		`select doc from identity_settings where scope = $1 and kind = $2`, scope, kind)
	if err != nil {
		return nil, err
	}
	return []byte(text), nil
}

// Settings implements store.SettingStore.
func (db *DB) Settings(ctx context.Context, kind string, scopes ...string) (map[string][]byte, error) {
	all := map[string][]byte{}
	err := each(scopes, func(in in) error {
		in = in.after(kind)
		_, err := many(ctx, db, func(scan scan) (none struct{}, err error) {
			var scope, text string
			err = scan(&scope, docOf{&text, db})
			all[scope] = []byte(text)
			return none, err
		}, `select scope, doc from identity_settings where kind = $1 and scope in `+in.list(), in.args()...)
		return err
	})
	return all, err
}

// PutSetting implements store.SettingStore.
func (db *DB) PutSetting(ctx context.Context, scope, kind string, text []byte) error {
	_, err := db.exec(ctx, `
		insert into identity_settings (scope, kind, doc) values ($1, $2, $3)
		on conflict (scope, kind) do update set doc = excluded.doc`, scope, kind, doc(text))
	return err
}

// CreateSetting implements store.SettingStore.
func (db *DB) CreateSetting(ctx context.Context, scope, kind string, text []byte) error {
	return db.insert(ctx,
		`insert into identity_settings (scope, kind, doc) values ($1, $2, $3) on conflict do nothing`,
		scope, kind, doc(text))
}

// DeleteSetting implements store.SettingStore.
func (db *DB) DeleteSetting(ctx context.Context, scope, kind string) error {
	_, err := db.exec(ctx, `delete from identity_settings where scope = $1 and kind = $2`, scope, kind)
	return err
}
