package config

// minWebhookSecret is what cannot be guessed if it was drawn at random, in bytes.
const minWebhookSecret = 32

func webhookSecret(p *problems, s Secret) Secret {
	n := len(s.Reveal())
	if n > 0 && n < minWebhookSecret {
		p.add("CORDON_WEBHOOK_SECRET", "it has %d bytes: expected at least %d, such as openssl rand -hex 32 prints", n,
			minWebhookSecret)
		return Secret{}
	}
	return s
}
