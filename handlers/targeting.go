package handlers

import (
	"context"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// targetings is the one list of rules that choose the template of a token.
type targetings struct{ svc *service.Targeting }

func (h targetings) routes() []route {
	return []route{
		management("GET /identity/resources/configurations/v1/jwt-template-targeting", 200, "Read which template makes which token", op(h.read)),
		management("POST /identity/resources/configurations/v1/jwt-template-targeting", 201, "Say which template makes which token", op(h.create)),
		management("PUT /identity/resources/configurations/v1/jwt-template-targeting", 200, "Say, or say anew, which template makes which token", op(h.put)),
		management("PATCH /identity/resources/configurations/v1/jwt-template-targeting/{id}", 200, "Change which template makes which token", op(h.update)),
		management("DELETE /identity/resources/configurations/v1/jwt-template-targeting/{id}", 200, "Let every token be made by default", op(h.delete)),
	}
}

func (h targetings) read(ctx context.Context, by store.Principal, _ none) (targeting, error) {
	r, err := h.svc.Read(ctx, by)
	return toTargeting(r), err
}

func (h targetings) create(ctx context.Context, by store.Principal, in newTargeting) (targeting, error) {
	r, err := h.svc.Create(ctx, by, in.rules())
	return toTargeting(r), err
}

func (h targetings) put(ctx context.Context, by store.Principal, in newTargeting) (none, error) {
	_, err := h.svc.Put(ctx, by, in.rules())
	return none{}, err
}

func (h targetings) update(ctx context.Context, by store.Principal, in struct {
	ID    string           `path:"id"`
	Rules *[]targetingRule `json:"rules" maxItems:"100"`
}) (none, error) {
	var rules *[]service.Rule
	if in.Rules != nil {
		all := each(*in.Rules, toRule)
		rules = &all
	}
	_, err := h.svc.Update(ctx, by, in.ID, rules)
	return none{}, err
}

func (h targetings) delete(ctx context.Context, by store.Principal, in struct {
	ID string `path:"id"`
}) (none, error) {
	return none{}, h.svc.Delete(ctx, by, in.ID)
}

type newTargeting struct {
	Rules []targetingRule `json:"rules,omitempty" maxItems:"100"`
}

func (n newTargeting) rules() []service.Rule { return each(n.Rules, toRule) }

// A targetingRule names the template of the tokens for which all its conditions hold.
type targetingRule struct {
	Logic      string               `json:"conditionLogic" enum:"and"`
	Conditions []targetingCondition `json:"conditions" minItems:"1" maxItems:"20"`
	Treatment  string               `json:"treatment" minLength:"1" maxLength:"255"`
}

type targetingCondition struct {
	Attribute string         `json:"attribute" enum:"userId|applicationId|tenantId|roleIds|tokenType|userEmail"`
	Op        string         `json:"op" enum:"in_list|contains|ends_with"`
	Value     targetingValue `json:"value"`
	Negate    bool           `json:"negate"`
}

type targetingValue struct {
	List []string `json:"list" minItems:"1" maxItems:"1000"`
}

func toRule(r targetingRule) service.Rule {
	n := service.Rule{Treatment: r.Treatment}
	for _, c := range r.Conditions {
		n.Conditions = append(n.Conditions, service.Condition{
			Attribute: c.Attribute, Op: c.Op, List: c.Value.List, Negate: c.Negate,
		})
	}
	return n
}

func fromRule(r service.Rule) targetingRule {
	n := targetingRule{Logic: "and", Treatment: r.Treatment}
	for _, c := range r.Conditions {
		n.Conditions = append(n.Conditions, targetingCondition{
			Attribute: c.Attribute, Op: c.Op, Value: targetingValue{List: c.List}, Negate: c.Negate,
		})
	}
	return n
}

// A targeting is the rules as the wire shows them.
type targeting struct {
	ID        string         `json:"id"`
	CreatedAt stamp          `json:"createdAt"`
	UpdatedAt stamp          `json:"updatedAt"`
	Targeting targetingRules `json:"targeting"`
}

type targetingRules struct {
	Rules []targetingRule `json:"rules"`
}

func toTargeting(r service.Rules) targeting {
	return targeting{
		ID: r.ID, CreatedAt: stamp(r.CreatedAt), UpdatedAt: stamp(r.UpdatedAt),
		Targeting: targetingRules{Rules: each(r.Rules, fromRule)},
	}
}
