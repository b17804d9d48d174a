// learning/actor_critic.hpp - advantages and policy losses, apart from networks so that they can be tested.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "learning/network.hpp"

namespace ruvector::learning {

// Generalised advantage estimates (Schulman et al. 2016) with V-trace's truncated ratios (Espeholt et al. 2018), which
// are all 1 on-policy:
//   delta_t = min(clip, rho_t) (r_t + gamma V(s_t+1) - V(s_t)),  sum_t = delta_t + gamma lambda min(1, rho_t) sum_t+1
//   value target V(s_t) + sum_t;  advantage r_t + gamma (V(s_t+1) + lambda sum_t+1) - V(s_t)
struct Advantages {
	std::vector<double> advantage, target;
};

// value_next is 0 where terminated; next[i]: row of the following step, UINT32_MAX if there is none.
inline Advantages advantages(const double *rewards, const std::vector<uint32_t> &next, const std::vector<double> &value,
							 const std::vector<double> &value_next, const std::vector<double> &ratio, double discount,
							 double lambda, double clip) {
	size_t n = value.size();
	Advantages out{std::vector<double>(n), std::vector<double>(n)};
	std::vector<double> sum(n);
	for (size_t i = n; i-- > 0;) {
		double later = next[i] == UINT32_MAX ? 0 : sum[next[i]];
		double delta = rewards[i] + discount * value_next[i] - value[i];
		sum[i] = std::min(clip, ratio[i]) * delta + discount * lambda * std::min(1.0, ratio[i]) * later;
		out.target[i] = value[i] + sum[i];
		out.advantage[i] = delta + discount * lambda * later;
	}
	return out;
}

// Derivatives by the logits of one sample of  -weight * advantage * log p(action) - entropy_weight * entropy.
template <typename Column, typename Derivative>
void policy_gradient(const Column &log_p, uint32_t action, double weighted_advantage, double entropy_weight,
					 Derivative &&d) {
	double entropy = 0;
	for (Eigen::Index a = 0; a < log_p.size(); a++)
		entropy -= std::exp(double(log_p[a])) * double(log_p[a]);
	for (Eigen::Index a = 0; a < log_p.size(); a++) {
		double p = std::exp(double(log_p[a]));
		d[a] = typename Column::Scalar(weighted_advantage * (p - (a == Eigen::Index(action))) +
									   entropy_weight * p * (double(log_p[a]) + entropy));
	}
}

// Ppo's clipped surrogate min(r A, clip(r) A) has the derivative of r A where this holds, else none.
inline bool ppo_moves(double ratio, double advantage, double clip) {
	return advantage >= 0 ? ratio < 1 + clip : ratio > 1 - clip;
}

} // namespace ruvector::learning
