-- Canceled subscriptions that may still come back: what SNS lists as deleted, and counts.
CREATE INDEX subscription_restorable ON subscription (topic_id, come_back_until) WHERE state = 3 AND come_back_until IS NOT NULL;
