package chaos

import (
	"math/rand/v2"
	"slices"
)

// sample takes about n points, in no order. Every boundary is struck in every way and every site at least once; what is
// left of n goes to the boundaries in proportion to what is sent over them. The seed picks the places.
func sample(counts map[Site]int, n int, seed uint64) []Point {
	random := rand.New(rand.NewPCG(seed, 11))
	total := 0
	for _, c := range counts {
		total += c
	}
	forms := len(ways(Site{}, 1))
	over := map[Boundary]bool{}
	for s := range counts {
		over[s.Boundary] = true
	}
	left := max(0, n-forms*len(over))
	var points []Point
	for _, b := range Boundaries() {
		places := placesAt(counts, b)
		if len(places) == 0 {
			continue
		}
		picked := pick(places, forms+left*len(places)/total, random)
		first := random.IntN(forms)
		for i, p := range picked {
			points = append(points, ways(p.Site, p.K)[(first+i)%forms])
		}
	}
	random.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
	return points
}

// placesAt lists everything that is sent over a boundary, site after site.
func placesAt(counts map[Site]int, b Boundary) []Point {
	var places []Point
	for _, s := range sites(counts) {
		for k := 1; k <= counts[s] && s.Boundary == b; k++ {
			places = append(places, Point{Site: s, K: k})
		}
	}
	return places
}

// pick takes one place from each of n stretches, so that no stretch is left out, and one more from each site that this
// left out. Fewer places than n are taken more than once.
func pick(places []Point, n int, random *rand.Rand) []Point {
	var picked []Point
	for i := range n {
		low, high := i*len(places)/n, (i+1)*len(places)/n
		picked = append(picked, places[low+random.IntN(max(1, high-low))])
	}
	for _, p := range places {
		if !slices.ContainsFunc(picked, func(other Point) bool { return other.Site == p.Site }) {
			picked = append(picked, p)
		}
	}
	return picked
}
