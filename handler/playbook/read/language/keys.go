package language

import "cordon/handler/playbook/read/source"

// The keys of tables, by what their values are.

func word(name string, words []string, help string) source.Key {
	return source.Key{
		Name:  name,
		Kind:  source.Word,
		Words: words,
		Help:  help,
	}
}

func text(name string, form source.Form, help string) source.Key {
	return source.Key{
		Name: name,
		Kind: source.Text,
		Form: form,
		Help: help,
	}
}

func expression(name, help string) source.Key {
	return source.Key{
		Name: name,
		Kind: source.Condition,
		Help: help,
		Way:  `such as alert.severity == "High"`,
	}
}

func truth(name, help string) source.Key {
	return source.Key{Name: name, Kind: source.Truth, Help: help}
}

func number(name string, low, high int, help string) source.Key {
	return source.Key{
		Name: name,
		Kind: source.Number,
		Low:  low,
		High: high,
		Help: help,
	}
}

func age(name, help string) source.Key {
	return source.Key{
		Name: name,
		Kind: source.Age,
		Form: source.AgeForm(),
		Help: help,
	}
}

func texts(name string, form source.Form, help string) source.Key {
	return source.Key{
		Name: name,
		Kind: source.Texts,
		Form: form,
		High: maxEntries,
		Help: help,
	}
}

// patterns are a list of patterns, at least low of them.
func patterns(name string, low int, help string) source.Key {
	k := texts(name, source.Form{}, help)
	if k.Low = low; low > 0 {
		k.Way = "an empty list lets no machine pass: list what rules may touch, or take it out"
	}
	return k
}

func mapping(name string, keys func() source.Keys, help string) source.Key {
	return source.Key{
		Name: name,
		Kind: source.OneMapping,
		Keys: keys,
		Help: help,
	}
}

func list(
	name string,
	low, high int,
	entries func() source.Keys,
	help string,
) source.Key {
	return source.Key{
		Name: name,
		Kind: source.Mappings,
		Low:  low,
		High: high,
		Keys: entries,
		Help: help,
	}
}

// needed is a key that has to be there, with the way out if it is not.
func needed(way string, k source.Key) source.Key {
	k.Required, k.Way = true, way
	return k
}
